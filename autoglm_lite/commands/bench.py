"""`autoglm-lite bench`: how fast a model reads and writes here, how soon it answers, and what memory that takes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import add_model_argument, add_planning_options, wishes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from pathlib import Path

    from autoglm_lite.bench.reopened import Reopened
    from autoglm_lite.bench.report import Report
    from autoglm_lite.bench.schedule import Asked
    from autoglm_lite.bench.speed import Measured
    from autoglm_lite.gguf.facts import ModelFacts
    from autoglm_lite.hardware.machine import Machine
    from autoglm_lite.planning.plan import Plan
    from autoglm_lite.worker.client import Worker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_model_argument(parser)
    parser.add_argument(
        "--prompt-tokens", type=int, metavar="N", help="tokens to read (default: what takes 8 seconds, 64 to 512)"
    )
    parser.add_argument(
        "--gen-tokens", type=int, metavar="N", help="tokens to write (default: what takes 4 seconds, 16 to 64)"
    )
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="measurements of each kind (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of the table")
    add_planning_options(parser)


def run(args: argparse.Namespace) -> int:
    """Measures and prints; returns 0, or 130 when interrupted. Raises AutoglmError."""
    from autoglm_lite.bench.report import report
    from autoglm_lite.bench.schedule import Asked
    from autoglm_lite.commands.bandwidth import memory_bandwidth
    from autoglm_lite.commands.devices import machine_with_devices
    from autoglm_lite.commands.measuring import INTERRUPTED
    from autoglm_lite.commands.preferences import preferred, read_tuned
    from autoglm_lite.gguf.facts import made_for, read_facts
    from autoglm_lite.planning.make import decide, notices
    from autoglm_lite.store import resolve
    from autoglm_lite.worker.sizes import exact_sizes

    def say(sentence: str) -> None:
        print(f"autoglm-lite: {sentence}", file=sys.stderr)

    wanted = wishes(args)
    facts = made_for(read_facts(resolve(args.model, wanted, say)), "chat")
    machine = machine_with_devices(wanted, say)
    wanted = preferred(wanted, facts, machine, args.profile, tuned=read_tuned(facts, machine, say))
    choice = decide(facts, machine, wanted, exact_sizes)
    plan = replace(choice.plan, model_path=str(facts.path.absolute()))
    asked = Asked(args.prompt_tokens, args.gen_tokens, args.repeat)
    asked.check(plan.n_ctx)
    for notice in notices(facts, machine, wanted, choice):
        say(notice)
    found = _measured(facts, plan, asked)
    if found is None:
        return INTERRUPTED
    # Last, when the model is gone: what it takes itself is no part of the model's memory.
    done = report(facts, plan, *found, memory_bandwidth(plan.threads, machine.memory_available, now=True))
    if args.json:
        print(json.dumps(as_json(facts, machine, plan, done), ensure_ascii=False))
    else:
        print("\n".join(page(facts, machine, plan, done)))
    return 0


def _measured(facts: ModelFacts, plan: Plan, asked: Asked) -> tuple[Measured, Reopened] | None:
    """In two workers, the second of which keeps states, in a folder that is removed. None when interrupted."""
    from tempfile import TemporaryDirectory

    from autoglm_lite.bench.reopened import reopened
    from autoglm_lite.bench.speed import SpeedRun
    from autoglm_lite.commands.measuring import measure
    from autoglm_lite.commands.shell import StatusLine, without_controls
    from autoglm_lite.paths import cache_dir, private_dir

    line, name = StatusLine(sys.stderr), without_controls(facts.name)
    speeds: list[Measured] = []
    kept: list[Reopened] = []

    def show(doing: str, seconds_left: float | None) -> None:
        left = "" if seconds_left is None else f", about {_duration(seconds_left)} left"
        line.show(f"measuring {name}: {doing}{left}")

    async def speed(worker: Worker) -> int:
        speeds.append(await SpeedRun(worker, plan, asked, show).run())
        return 0

    try:
        code = measure(speed)
        if code:
            return None
        # Beside the user's own states, which are on the same disk, and not among them.
        with TemporaryDirectory(prefix="bench-", dir=private_dir(cache_dir())) as folder:

            async def reopen(worker: Worker) -> int:
                kept.append(await reopened(worker, _path(folder), plan, speeds[0], show))
                return 0

            code = measure(reopen, _path(folder))
        return None if code else (speeds[0], kept[0])
    finally:
        line.clear()


def as_json(facts: ModelFacts, machine: Machine, plan: Plan, done: Report) -> dict[str, object]:
    """The keys of docs/bench.md."""
    from autoglm_lite.hardware.build import installed_version

    first = done.depths[0]
    return {
        "model": facts.name,
        "path": str(facts.path),
        "file_type": facts.file_type,
        "machine": {
            "processor": machine.processor,
            "physical_cores": machine.physical_cores,
            "memory_total": machine.memory_total,
            "llama_cpp": installed_version(),
        },
        "plan": {
            "n_ctx": plan.n_ctx,
            "kv_type": plan.kv_type,
            "load_mode": plan.load_mode,
            "repack": plan.repack,
            "gpu_layers": plan.gpu_layers,
            "threads": plan.threads,
            "threads_batch": plan.threads_batch,
            "n_ubatch": plan.n_ubatch,
            "flash_attention": plan.flash_attention,
        },
        "prompt_tokens": done.lengths.prompt,
        "gen_tokens": done.lengths.answer,
        "repeat": done.lengths.repeat,
        "prefill_tokens_per_second": round(first.prefill, 2),
        "decode_tokens_per_second": round(first.decode, 2),
        "bandwidth_share": _rounded(first.share, 3),
        "bandwidth_bytes_per_second": _rounded(done.bandwidth, 0),
        "depths": [
            {
                "depth": found.depth,
                "prefill_tokens_per_second": round(found.prefill, 2),
                "decode_tokens_per_second": round(found.decode, 2),
                "bandwidth_share": _rounded(found.share, 3),
            }
            for found in done.depths
        ],
        "depths_left_out": list(done.left_out),
        "first_token_seconds": {
            "cold": round(done.cold, 4),
            "warm": round(done.warm, 4),
            "disk": _rounded(done.disk, 4),
        },
        "disk_note": done.why_no_disk or None,
        "message_tokens": done.lengths.message,
        "between_tokens_ms": {
            "median": round(1000 * done.between.median, 2),
            "p99": round(1000 * done.between.p99, 2),
            "joined": done.between.joined,
        },
        "load_seconds": round(done.load_seconds, 2),
        "resident_bytes": done.resident,
        "anonymous_bytes": done.anonymous,
    }


def page(facts: ModelFacts, machine: Machine, plan: Plan, done: Report) -> Iterator[str]:
    """The table's lines."""
    from autoglm_lite.commands.shell import without_controls
    from autoglm_lite.planning.make import ONE_THREAD_BYTES, in_words

    name, texts = without_controls(facts.name), done.lengths
    threads = "1 thread" if plan.threads == 1 else f"{plan.threads} threads"
    yield f"{name}, {facts.file_type}, context of {plan.n_ctx:,} tokens, {threads}, {machine.processor}"
    yield ""
    yield f"{'tokens before':<16}{'reading':>12}{'writing':>12}{'of the memory bandwidth':>26}"
    for found in done.depths:
        share = "unknown" if found.share is None else f"{found.share:.0%}"
        yield f"{found.depth:<16,}{found.prefill:>10,.1f}/s{found.decode:>10,.1f}/s{share:>26}"
    yield ""
    yield f"{'first token':<26}{_seconds(done.cold)} when nothing is known"
    yield f"{'':<26}{_seconds(done.warm)} when only the last message is new"
    disk = done.why_no_disk if done.disk is None else f"{_seconds(done.disk)} the same after a restart, from the disk"
    yield f"{'':<26}{disk}"
    yield f"{'between tokens':<26}{_ms(done.between.median)}, one in a hundred {_ms(done.between.p99)} or more"
    yield f"{'memory':<26}{in_words(done.resident)}, of it {in_words(done.anonymous)} that cannot be dropped"
    yield f"{'loading':<26}{_seconds(done.load_seconds)}"
    yield ""
    yield (
        f"Medians of {texts.repeat}: a prompt of {texts.prompt:,} tokens, of a known one the last {texts.message} are"
        f" new, and {texts.answer} written."
    )
    if done.bandwidth is not None:
        yield f"Memory was read at {done.bandwidth / 1e9:.1f} GB/s."
    if facts.tensor_bytes <= ONE_THREAD_BYTES:
        yield "So small a model is limited by other things than memory."
    if done.between.joined:
        yield "Tokens that come faster than one reads are sent together; each counts with its share of the time."
    for depth in done.left_out:
        yield f"With {depth:,} tokens before it would have taken too long."


def _path(folder: str) -> Path:
    from pathlib import Path

    return Path(folder)


def _seconds(seconds: float) -> str:
    if seconds < 0.1:
        return _ms(seconds)
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:,.1f} s"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f} ms"


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _duration(seconds: float) -> str:
    from converters.progress import duration

    return duration(seconds)
