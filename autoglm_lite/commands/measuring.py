"""What the measuring commands share: their options, the text, the plan, progress, and a clean end on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from autoglm_lite.commands.texts import read_text
from autoglm_lite.errors import AutoglmError, UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from autoglm_lite.planning.plan import Plan
    from autoglm_lite.worker.client import Worker

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MAX_TEXT_BYTES = 8_000_000
"""Some three million tokens, a day's work for a small machine."""
SECONDS_TO_CLEAN_UP = 2.0
"""A signal is not heard that follows another within this time."""
MIN_CTX = 32
"""Shorter chunks say nothing of how a model reads a text."""


def add_measuring_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="a GGUF file or a stored model's name")
    parser.add_argument("text", metavar="TEXTFILE", type=Path, help="a text in UTF-8 of at least two chunks")
    parser.add_argument("--ctx", type=int, metavar="N", help="tokens of a chunk (default: 512)")
    parser.add_argument("--threads", type=int, metavar="N", help="processor cores to use (default: all physical ones)")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def measured_text(path: Path) -> str:
    """The file as it is, but for one line end at its end, as llama.cpp's tools take it. Raises AutoglmError."""
    text = read_text(path, MAX_TEXT_BYTES)
    if not text.strip():
        raise AutoglmError(f"{path} is empty: give a text to read.")
    return text.removesuffix("\n")


def make_plans(names: Sequence[str], ctx: int | None, threads: int | None) -> list[Plan]:
    """How to load each of the models, with chunks of the same length; says on stderr what the user may not expect.

    Raises ModelFileError, WillNotFitError, UsageError for options that make no sense or for models of different
    vocabularies.
    """
    from autoglm_lite.gguf.facts import made_for, read_facts
    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.measurement import DEFAULT_CTX, LOGITS_BYTES
    from autoglm_lite.planning.make import Wishes, decide, notices
    from autoglm_lite.store import resolve

    if ctx is not None and ctx < MIN_CTX:
        raise UsageError(f"--ctx {ctx} makes no sense: give at least {MIN_CTX} tokens.")
    models = [made_for(read_facts(resolve(name)), "chat") for name in names]
    if len({facts.n_vocab for facts in models}) > 1:
        sizes = " and ".join(f"{facts.n_vocab:,}" for facts in models)
        raise UsageError(
            f"The two models have different vocabularies ({sizes} tokens), so they cannot be compared:"
            " take a base from which the model was made."
        )
    machine = read_machine()
    # Chat keeps one row of logits, a measurement a batch of them.
    machine = replace(machine, memory_available=max(0, machine.memory_available - 2 * LOGITS_BYTES))
    wishes = Wishes(ctx=ctx or min([DEFAULT_CTX, *(facts.n_ctx_train for facts in models)]), threads=threads)
    plans = []
    for facts in models:
        choice = decide(facts, machine, wishes)
        plans.append(replace(choice.plan, model_path=str(facts.path.absolute())))
        for notice in notices(facts, machine, wishes, choice):
            print(f"autoglm-lite: {notice}", file=sys.stderr)
    return plans


def measure(work: Callable[[Worker], Coroutine[Any, Any, int]], states: Path | None = None) -> int:
    """Runs `work` with a worker, which keeps its `states` there; returns its result, or 130 when asked to stop."""
    import asyncio

    from autoglm_lite.worker.client import Worker

    async def run() -> int:
        interrupted = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            # nohup, and a shell that starts us in the background, have us ignore one of them.
            if signal.getsignal(number) is not signal.SIG_IGN:
                # Ending takes a moment, and files are removed after it: a second signal changes nothing.
                loop.add_signal_handler(number, interrupted.set)
        async with Worker(states=states) as worker:
            working = asyncio.ensure_future(work(worker))
            waiting = asyncio.ensure_future(interrupted.wait())
            await asyncio.wait({working, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if working.done():
                return working.result()
            # Its native code need not come to rest first, which can take long while a model is loaded.
            await worker.close()
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
        return INTERRUPTED

    kept = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        return asyncio.run(run())
    finally:
        # asyncio leaves the system's own behind, which end a process where it stands.
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the work as Ctrl-C does, so that an unfinished file is removed.

    A second signal close behind the first, as a shell and the program between may both send, does not disturb that.
    """
    stopped = float("-inf")

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopped
        now, before = time.monotonic(), stopped
        if now - before > SECONDS_TO_CLEAN_UP:
            stopped = now
            raise KeyboardInterrupt

    kept = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in kept.items():
        # nohup has us ignore one of them.
        if handler is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def print_anything() -> None:
    """Lets stdout show what its encoding lacks, such as a file name that is no UTF-8, as `\\udcff`."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class Progress:
    """How far a measurement is, on stderr."""

    def __init__(self) -> None:
        from autoglm_lite.commands.shell import StatusLine

        self._line = StatusLine(sys.stderr)
        self._began: float | None = None

    def show(self, done: int, total: int, remark: str = "") -> None:
        """Tokens; `remark` is what is known so far."""
        from converters.progress import duration

        now = time.monotonic()
        if self._began is None:
            # Loading does not count: its speed says nothing of the rest.
            self._began = now
        speed = done / (now - self._began) if now > self._began else 0.0
        left = f"  {speed:,.0f}/s  {duration((total - done) / speed)} left" if speed else ""
        self._line.show(f"{done / total:4.0%}  {done:,} of {total:,} tokens{left}{remark and '  ' + remark}")

    def close(self) -> None:
        self._line.clear()
