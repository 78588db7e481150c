"""What is said of a model far away: which type and why, what it will take, what to do where it does not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoglm_lite.planning.make import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.store.hub.repository import HubFile
    from autoglm_lite.store.preferring import Judged


def sentences(
    one: Judged,
    judged: Sequence[Judged],
    facts: ModelFacts,
    mmproj: HubFile | None,
    licence: str | None,
    *,
    asked: bool,
) -> Iterator[str]:
    from autoglm_lite.store.preferring import remark, why

    candidate, choice = one.candidate, one.choice
    kind, size = candidate.type or facts.file_type, in_words(candidate.n_bytes)
    if not choice.fits:
        memory = f"{in_words(choice.predicted.resident_total)} of memory, and {in_words(choice.available)} are free"
        slow = ": it would be read from the disk for each word, very slowly" if choice.verdict == "streams" else ""
        yield f"{kind}, {size}, will not fit: it needs about {memory}{slow}."
    else:
        reason = "as you asked" if asked else why(one, judged)
        words = f"a context of {choice.plan.n_ctx:,} tokens" if facts.use == "chat" else "texts of usual length"
        speed = "" if one.decode is None else f"; about {_number(one.decode)} tokens a second"
        yield (
            f"{kind}, {size}: {reason}. It will take {in_words(choice.predicted.resident_total)} of the"
            f" {in_words(choice.available)} of memory that are free, with {words}{speed}."
        )
    noted = remark(one, judged)
    if noted is not None:
        yield noted
    if mmproj is not None:
        yield f"What sees pictures for it comes along, {in_words(mmproj.n_bytes)}."
    if licence is not None:
        yield licence


def instead(judged: Sequence[Judged], name: str) -> str:
    """What would fit of the model `name`, else which other model."""
    from autoglm_lite.profiles.models import read_models, recommended, suited
    from autoglm_lite.store.preferring import best

    fitting = best(judged)
    if fitting is not None:
        kind, size = fitting.candidate.type, in_words(fitting.candidate.n_bytes)
        return f"{kind}, {size}, of the same model would fit: ask for :{kind}."
    close = f"No type of {name} that is there fits: close other programs, or take a smaller model"
    models, memory = read_models(), judged[0].choice.available
    ready = next(iter(suited(models, memory, lambda _: None)), None)
    if ready is not None:
        return f"{close}, such as {ready.model.id}:{ready.type}."
    known = recommended(models, memory)
    return f"{close}." if known is None else f"{close}, such as {known.model.name} ({known.model.reference})."


def _number(tokens_per_second: float) -> str:
    return f"{tokens_per_second:,.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"
