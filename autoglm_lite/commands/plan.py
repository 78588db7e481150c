"""`autoglm-lite plan`: what a model will take on this machine, as a page or as JSON."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import add_model_argument, add_planning_options, wishes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from autoglm_lite.commands.prospect import Prospect
    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.planning.forecast import Forecast
    from autoglm_lite.planning.make import Wishes
    from autoglm_lite.planning.memory import Predicted
    from autoglm_lite.planning.suggestions import Suggestion

WIDTH = 80
BAR_WIDTH = 60
PARTS = (
    ("W", "mapped", "weights", 34),
    ("R", "repacked", "repacked weights", 36),
    ("K", "kv", "KV cache", 33),
    ("C", "compute", "computing", 35),
    ("P", "process", "the program", 32),
)
"""Of memory: the letter in the bar, the name in JSON, in words, and the colour on a terminal."""
VERDICTS = {
    "fits": "Fits",
    "tight": "Fits, tight",
    "streams": "Streams from disk, slowly",
    "wont-fit": "Will not fit",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_model_argument(
        parser, ", or hf:org/repo and the like for one that is far away, of which only the header is read"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the page")
    add_planning_options(parser)


def run(args: argparse.Namespace) -> int:
    """Prints the forecast; returns 0 when the model can run, 1 when it will not fit. Raises AutoglmError.

    Of the model nothing but the header is read, be it on this disk or far away; what llama.cpp says of the size of one
    that is here comes from a worker.
    """
    from autoglm_lite.commands.bandwidth import memory_bandwidth
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.disk_speed import read_speed
    from autoglm_lite.commands.finding import find
    from autoglm_lite.commands.preferences import preferred, read_tuned
    from autoglm_lite.commands.prospect import far_away
    from autoglm_lite.commands.shell import without_controls
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.planning.forecast import forecast
    from autoglm_lite.planning.make import choose
    from autoglm_lite.worker.sizes import exact_sizes

    def say(sentence: str) -> None:
        print(f"autoglm-lite: {sentence}", file=sys.stderr)

    wanted = wishes(args)
    far = far_away(args.model, wanted, args.profile, os.environ) if args.model else None
    facts = far.facts if far else read_facts(find(args.model, wanted, say))
    for sentence in far.sentences if far else ():
        say(without_controls(sentence))
    machine = machine_with_devices(wanted)
    tuned = None if far else read_tuned(facts, machine, say)
    wanted = preferred(wanted, facts, machine, args.profile, tuned=tuned)
    choice = choose(facts, machine, wanted)
    bandwidth = memory_bandwidth(choice.plan.threads, machine.memory_available) if choice.fits else None
    disk = None if far or choice.verdict == "wont-fit" else read_speed(facts.path)
    exact = None if far else exact_sizes
    found = forecast(facts, machine, wanted, bandwidth, () if choice.fits else _stored(), exact, disk)
    if far:
        found = replace(found, suggestions=tuple(_of_far_away(far, found)))
    elif not choice.fits:
        found = replace(found, suggestions=(*found.suggestions, *_better_suited(choice.available)))
    if args.json:
        print(json.dumps(as_json(facts, wanted, found), ensure_ascii=False))
    else:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        print("\n".join(page(facts, found, colour=colour)))
    return 1 if choice.verdict == "wont-fit" else 0


def as_json(facts: ModelFacts, wanted: Wishes, found: Forecast) -> dict[str, object]:
    """The keys of docs/plan.md."""
    from autoglm_lite.planning.make import sources

    choice, plan, expected = found.choice, found.choice.plan, found.expected
    return {
        "model": facts.name,
        "path": str(facts.path),
        "file_type": facts.file_type,
        "use": facts.use,
        "verdict": choice.verdict,
        "reasons": [*found.reasons, *expected.why],
        "n_ctx": plan.n_ctx,
        "kv_type": plan.kv_type,
        "load_mode": plan.load_mode,
        "repack": plan.repack,
        "gpu_layers": plan.gpu_layers,
        "devices": [{"name": part.name, "endpoint": part.endpoint, "layers": part.layers} for part in plan.devices],
        "threads": plan.threads,
        "threads_batch": plan.threads_batch,
        "cpus": list(plan.cpus),
        "n_ubatch": plan.n_ubatch,
        "flash_attention": plan.flash_attention,
        "saving": None if plan.saving is None else {"threads": plan.saving.threads, "nice": plan.saving.nice},
        "tuned": any(layer.origin == "tuned" for layer in wanted.layers),
        "profile": next((layer.profile for layer in wanted.layers if layer.profile), None),
        "origins": {name: source.origin for name, source in sources(wanted, plan).items()},
        "predicted_bytes": {
            **{name: getattr(choice.predicted, name) for _, name, _, _ in PARTS},
            "resident_total": choice.predicted.resident_total,
            "devices": dict(choice.predicted.devices),
        },
        "available_bytes": choice.available,
        "expected": {
            "prefill_tokens_per_second": _rounded(expected.prefill),
            "decode_tokens_per_second": _rounded(expected.decode),
            "first_token_seconds": _rounded(expected.first_token),
            "load_seconds": _rounded(expected.load),
        },
        "suggestions": [{"what": s.what, "command": s.command} for s in found.suggestions],
    }


def page(facts: ModelFacts, found: Forecast, *, colour: bool) -> Iterator[str]:
    """The lines of the page, of at most 80 characters but for paths and commands."""
    from autoglm_lite.commands.shell import without_controls
    from autoglm_lite.planning.make import in_words
    from autoglm_lite.planning.speed import QUESTION_TOKENS

    choice, expected = found.choice, found.expected
    name = " ".join(without_controls(facts.name).split())
    yield f"{_clipped(name, WIDTH // 2)}, {facts.file_type}, a file of {in_words(facts.file_bytes)}"
    yield from _wrapped(
        f"{VERDICTS[choice.verdict]}: {in_words(choice.predicted.resident_total)} of memory needed,"
        f" {in_words(choice.available)} to be had.",
    )
    yield ""
    yield bar(choice.predicted, choice.available, colour=colour)
    for letter, key, words, number in PARTS:
        n_bytes = getattr(choice.predicted, key)
        if n_bytes:
            yield f"  {_painted(letter, number, colour)} {words:<18}{in_words(n_bytes):>8}"
    for part in choice.plan.devices:
        n_bytes = choice.predicted.devices[part.name]
        yield from _wrapped(f"{in_words(n_bytes)} on {without_controls(part.name)}, for {part.layers} layers", "+ ")
    yield ""
    if facts.use == "chat":
        yield f"Reads a prompt at   {_speed(expected.prefill, 'at least')}"
        yield f"Writes an answer at {_speed(expected.decode, 'about')}"
    else:
        yield f"Reads texts at      {_speed(expected.prefill, 'at least')}"
    if expected.first_token is not None and facts.use == "chat":
        yield f"First word after    {_seconds(expected.first_token)} of a question of {QUESTION_TOKENS} tokens"
    if expected.load is not None:
        yield f"Loads in            about {_seconds(expected.load)} from this disk, at first"
    yield ""
    yield "Why"
    for reason in (*found.reasons, *expected.why):
        yield from _wrapped(reason, "- ")
    if found.suggestions:
        yield ""
        yield "What fits instead"
        for suggestion in found.suggestions:
            yield from _wrapped(without_controls(suggestion.what), "- ")
            if suggestion.command:
                yield f"    {without_controls(suggestion.command)}"


def bar(predicted: Predicted, available: int, *, colour: bool) -> str:
    """Memory as a line: a letter for each part that is needed, dots for what stays free, and a stroke where the memory
    that is available ends, if more is needed."""
    scale = BAR_WIDTH / max(available, predicted.resident_total, 1)
    cells: list[str] = []
    end = 0.0
    for letter, key, _, number in PARTS:
        end += getattr(predicted, key) * scale
        cells += [_painted(letter, number, colour)] * (round(end) - len(cells))
    cells += ["."] * (BAR_WIDTH - len(cells))
    if predicted.resident_total > available:
        cells.insert(round(available * scale), "|")
    return f"[{''.join(cells)}]"


def _painted(text: str, number: int, colour: bool) -> str:
    return f"\x1b[{number}m{text}\x1b[39m" if colour else text


def _clipped(text: str, width: int) -> str:
    """`text`, or what of it takes `width` cells on a terminal: Chinese characters take two."""
    from unicodedata import east_asian_width

    cells = 0
    for i, character in enumerate(text):
        cells += 2 if east_asian_width(character) in "WF" else 1
        if cells > width:
            return text[:i] + "..."
    return text


def _wrapped(text: str, first: str = "") -> Iterator[str]:
    from textwrap import wrap

    yield from wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False)


def _speed(tokens_per_second: float | None, how: str) -> str:
    if tokens_per_second is None:
        return "an unknown speed"
    digits = 0 if tokens_per_second >= 10 else 1
    return f"{how} {tokens_per_second:,.{digits}f} tokens a second"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:,.0f} s"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _of_far_away(far: Prospect, found: Forecast) -> Iterator[Suggestion]:
    """What to do about a model that cannot be opened yet."""
    from autoglm_lite.planning.suggestions import Suggestion

    for suggestion in found.suggestions:
        command = suggestion.command
        yield replace(suggestion, command=command and command.replace("autoglm-lite chat ", "autoglm-lite plan ", 1))
    if far.instead is not None:
        yield Suggestion(far.instead, None)


def _better_suited(memory: int) -> Iterator[Suggestion]:
    """The largest model of our list that `memory` has room for."""
    from autoglm_lite.planning.make import in_words
    from autoglm_lite.planning.suggestions import Suggestion
    from autoglm_lite.profiles.models import read_models, recommended

    best = recommended(read_models(), memory)
    if best is not None:
        model = best.model
        yield Suggestion(
            f"A model for this much memory: {model.name} as {best.type}, about {in_words(best.needed)} in use"
            f" ({model.reference}, {model.licence}).",
            None,
        )


def _stored() -> list[ModelFacts]:
    """What can be read of the stored models."""
    from contextlib import suppress

    from autoglm_lite.errors import ModelFileError
    from autoglm_lite.store import stored_models
    from autoglm_lite.store.facts import stored_facts

    found = []
    for path in stored_models():
        with suppress(ModelFileError):
            found.append(stored_facts(path))
    return found
