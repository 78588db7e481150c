"""The processor, and the llama.cpp that was built for it or for another."""

from __future__ import annotations

import shlex

from autoglm_lite.doctor.finding import Finding
from autoglm_lite.hardware.build import FEATURES, missing_instructions
from autoglm_lite.hardware.survey import Survey

INSTALL = "./install.sh"
"""In the clone of autoglm-lite; it builds llama.cpp for the processor on which it runs."""

ON_HOST = " It is a container's, changed on its host (docker, or podman likewise) by the container's name."

_FAST = frozenset({"avx", "avx2", "fma", "f16c", "asimddp"})
"""Without one of these a model runs at half the speed or less; the newer ones bring some percent."""

_NAMES = {word: name for name, word in FEATURES.items()}


def no_build(survey: Survey) -> Finding | None:
    if survey.build is not None:
        return None
    return Finding(
        id="build-missing",
        severity="error",
        what="llama.cpp is not installed beside this program.",
        cost="No model can be loaded.",
        fix=INSTALL,
    )


def foreign_build(survey: Survey) -> Finding | None:
    lacking = missing_instructions(survey.build, survey.processor) if survey.build else None
    if not lacking:
        return None
    return Finding(
        id="build-foreign",
        severity="error",
        what=f"llama.cpp was built for another processor: it uses {_listed(lacking)}, which this one lacks.",
        cost="No model can be loaded: it would end at once with an illegal instruction.",
        fix=INSTALL,
    )


def plain_build(survey: Survey) -> Finding | None:
    features = survey.build.features if survey.build else None
    if features is None:
        return None
    unused = (survey.processor.words & _FAST) - features
    if not unused:
        return None
    return Finding(
        id="build-plain",
        severity="warning",
        what=f"llama.cpp was built without {_listed(unused)}, which this processor has.",
        cost="Answers take two to ten times as long as they need.",
        fix=INSTALL,
    )


def old_processor(survey: Survey) -> Finding | None:
    words = survey.processor.words
    if not survey.processor.x86 or not words or "avx2" in words:
        return None
    fix = "autoglm-lite convert SOURCE --type Q4_0 --pure"
    if "avx" in words:
        return Finding(
            id="processor-no-avx2",
            severity="note",
            what="This processor has no AVX2.",
            cost="It reads prompts at about half the speed of one that has. Q4_0 suits it best.",
            fix=fix,
        )
    return Finding(
        id="processor-no-avx",
        severity="warning",
        what="This processor has neither AVX nor AVX2.",
        cost="Of the usual types of weights only Q4_0 is fast here; the others are several times slower.",
        fix=fix,
    )


def limited_time(survey: Survey) -> Finding | None:
    limit = survey.cpu_limit
    if limit is None:
        return None
    fix = f"echo {'max 100000' if limit.file.name == 'cpu.max' else -1} | sudo tee {shlex.quote(str(limit.file))}"
    if limit.outermost:
        fix = f"docker update --cpus {survey.online} CONTAINER"
    return Finding(
        id="processor-limit",
        severity="note",
        what=f"A control group gives this process the time of {limit.cpus:g} of {survey.online} processors.",
        cost="Answers come slower in about that proportion, until the memory and not the processor is the limit."
        + ON_HOST * limit.outermost,
        fix=fix,
    )


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(_NAMES.get(word, word) for word in words))
