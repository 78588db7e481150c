"""`autoglm-lite tune`: measures which way of loading a model is fastest here, and keeps it for `plan` and `chat`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import add_model_argument, add_planning_options, wishes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.planning.plan import Plan
    from autoglm_lite.tune.search import Found
    from autoglm_lite.tune.turn import Speed
    from autoglm_lite.worker.client import Worker

SECONDS = 180
SCATTER = 0.3
"""More than this between measurements of one plan is worth a word."""
NAMES = {
    "repack": "repacking",
    "kv_type": "KV cache",
    "threads": "threads for writing",
    "threads_batch": "threads for reading",
    "n_ubatch": "micro-batch",
    "flash_attention": "flash attention",
}
"""Fields of the Plan that are tuned."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_model_argument(parser)
    parser.add_argument(
        "--budget", type=_seconds, default=SECONDS, metavar="SECONDS", help="time to take at most, about (default: 180)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    add_planning_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measures, stores the winner and prints it; returns 0, or 130 when interrupted, with nothing stored.

    Raises AutoglmError.
    """
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.measuring import measure
    from autoglm_lite.commands.preferences import preferred
    from autoglm_lite.commands.shell import StatusLine, without_controls
    from autoglm_lite.gguf.facts import made_for, read_facts
    from autoglm_lite.planning.make import decide
    from autoglm_lite.store import resolve
    from autoglm_lite.tune.search import Search
    from autoglm_lite.tune.settings import fits, settings
    from autoglm_lite.tune.stopwatch import Stopwatch
    from autoglm_lite.tune.tuned import Tuned, identity, save
    from autoglm_lite.worker.sizes import exact_sizes

    def say(sentence: str) -> None:
        print(f"autoglm-lite: {sentence}", file=sys.stderr)

    asked = wishes(args)
    facts = made_for(read_facts(resolve(args.model, asked, say)), "chat")
    facts = replace(facts, path=facts.path.absolute())
    machine = machine_with_devices(asked, say)
    wanted = preferred(asked, facts, machine, args.profile)
    choice = decide(facts, machine, wanted, exact_sizes)
    line, name = StatusLine(sys.stderr), without_controls(facts.name)

    def show(what: str, seconds_left: float) -> None:
        line.show(f"tuning {name}: {what}, {_duration(seconds_left)} left at most")

    async def work(worker: Worker) -> int:
        search = Search(Stopwatch(worker), lambda plan: fits(facts, machine, choice, plan), show, args.budget)
        try:
            found = await search.run(choice.plan, settings(facts, machine, asked, choice))
        finally:
            line.clear()
        path = save(identity(facts, machine), Tuned.of(found))
        if args.json:
            print(json.dumps(as_json(facts, choice.plan, found, path), ensure_ascii=False))
        else:
            print("\n".join(page(facts, choice.plan, found, path)))
        return 0

    line.line(f"autoglm-lite: tuning {name}, which takes {_duration(args.budget)} at most; other programs disturb it.")
    return measure(work)


def as_json(facts: ModelFacts, usual: Plan, found: Found, path: Path) -> dict[str, object]:
    """The keys of docs/tune.md."""
    return {
        "model": facts.name,
        "path": str(facts.path),
        "values": {name: getattr(found.plan, name) for name in NAMES},
        "usual_values": {name: getattr(usual, name) for name in NAMES},
        "decided": sorted(found.raced),
        "usual": _speeds(found.usual),
        "tuned": _speeds(found.best),
        "scatter": round(found.scatter, 3),
        "measurements": found.n_measurements,
        "seconds": round(found.seconds, 1),
        "stored": str(path),
    }


def page(facts: ModelFacts, usual: Plan, found: Found, path: Path) -> Iterator[str]:
    """A line for each setting, then what a turn costs."""
    from autoglm_lite.commands.shell import without_controls
    from autoglm_lite.tune.turn import ANSWER_TOKENS, PROMPT_TOKENS

    yield f"{without_controls(facts.name)}: {found.n_measurements} measurements in {_duration(found.seconds)}"
    yield ""
    yield f"{'':22}{'usual':>12}{'tuned':>12}"
    for name, words in NAMES.items():
        remark = "" if name in found.raced else "   (not tuned)"
        yield f"{words:22}{_word(getattr(usual, name)):>12}{_word(getattr(found.plan, name)):>12}{remark}"
    rows = (
        ("tokens/s, reading", 1 / found.usual.prefill, 1 / found.best.prefill),
        ("tokens/s, writing", 1 / found.usual.decode, 1 / found.best.decode),
        ("seconds for a turn", found.usual.turn, found.best.turn),
    )
    for words, before, after in rows:
        yield f"{words:22}{before:>12,.1f}{after:>12,.1f}"
    yield ""
    yield f"A turn reads {PROMPT_TOKENS} tokens and writes {ANSWER_TOKENS}. {_verdict(usual, found)}"
    if found.scatter > SCATTER:
        yield (
            f"The slowest measurement of the usual plan took {found.scatter:.0%} longer than the fastest: other"
            " programs are at work. Tune again when they are not."
        )
    yield f"`plan` and `chat` use this from now on. To forget it: delete {path}"


def _verdict(usual: Plan, found: Found) -> str:
    if found.plan == usual:
        return "Nothing was faster than the usual."
    return f"Tuned, it takes {max(0.0, 1 - found.best.turn / found.usual.turn):.0%} less."


def _speeds(speed: Speed) -> dict[str, float]:
    return {
        "prefill_tokens_per_second": round(1 / speed.prefill, 2),
        "decode_tokens_per_second": round(1 / speed.decode, 2),
        "turn_seconds": round(speed.turn, 3),
    }


def _word(value: object) -> str:
    if value is None:
        return "automatic"
    return ("on" if value else "off") if isinstance(value, bool) else f"{value}"


def _duration(seconds: float) -> str:
    from converters.progress import duration

    return duration(seconds)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 86400:
        raise argparse.ArgumentTypeError(f"{text[:20]!r} makes no sense: give a number of seconds, such as 180")
    return seconds
