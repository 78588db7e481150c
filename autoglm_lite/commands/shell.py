"""One answer in the shell: the answer on stdout, everything else on stderr."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TextIO

from autoglm_lite.chat.attachments import Attachment, with_attachments
from autoglm_lite.chat.backend import Backend
from autoglm_lite.chat.events import Answer, Forgotten, Reasoning
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.generation import Finished, Prefill, Waiting
from autoglm_lite.worker.pace import Loading, Pace

INTERRUPTED = 130
SECONDS_BETWEEN_LINES = 5.0
"""How often long work is reported where there is no terminal."""
SECONDS_BETWEEN_PAINTS = 0.1


def answer_in_shell(
    setup: ChatSetup, model: Backend, question: str, attachments: Sequence[Attachment] = (), *, as_json: bool
) -> int:
    """Loads the model, prints its answer to `question` as it comes, or at its end one JSON object, and closes it.

    Returns 0, or 130 when the user stopped it: Ctrl-C (or SIGTERM, or a terminal that closes) ends the answer and
    keeps what came, a second one ends the program at once. Raises AutoglmError, and BrokenPipeError when nobody reads
    the answer any more.
    """
    # A terminal or a pipe that cannot show a character gets a question mark for it.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    for notice in setup.notices:
        print(f"autoglm-lite: {notice}", file=sys.stderr)
    return asyncio.run(_Shell(setup, model, as_json=as_json).answer(question, attachments))


class _Shell:
    def __init__(self, setup: ChatSetup, model: Backend, *, as_json: bool) -> None:
        self._setup = setup
        self._model = model
        self._as_json = as_json
        self._status = StatusLine(sys.stderr)
        self._session: Session | None = None
        self._interrupted = False
        self._stopping: asyncio.Task[None] | None = None

    async def answer(self, question: str, attachments: Sequence[Attachment]) -> int:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup, and a shell that starts us in the background, have us ignore one of them.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._interrupt, task)
        try:
            await self._answer(question, attachments)
        except asyncio.CancelledError:
            if not self._interrupted:
                raise
        finally:
            await self._model.close()
            self._status.clear()
        return INTERRUPTED if self._interrupted else 0

    def _interrupt(self, task: asyncio.Task[int]) -> None:
        if self._interrupted:
            os._exit(INTERRUPTED)
        self._interrupted = True
        if self._session is None:
            task.cancel()
        else:
            self._stopping = asyncio.create_task(self._session.stop())

    async def _answer(self, question: str, attachments: Sequence[Attachment]) -> None:
        setup, model, began = self._setup, self._model, time.monotonic()
        loading = Loading(setup.facts.file_bytes)
        if model.place == "service":
            self._status.show("waiting for the running service")
        await model.load(
            lambda share: self._status.show(f"loading {setup.facts.name}: {pace_in_words(loading.pace(share))}"),
            lambda notice: self._status.line(f"autoglm-lite: {notice}"),
        )
        if model.place == "service":
            self._status.line("autoglm-lite: The answer comes from the running service.")
        loaded = time.monotonic()
        first: float | None = None
        setup = replace(setup, n_ctx=model.n_ctx)
        self._session = session = Session(model, setup)
        out = Printer(sys.stdout, hidden=self._as_json)
        thoughts = Printer(sys.stderr, hidden=self._as_json, dim=True)
        finished: Finished | None = None
        try:
            async with aclosing(session.answer(question, attachments)) as events:
                async for event in events:
                    if isinstance(event, Forgotten):
                        self._status.line(
                            f"autoglm-lite: The conversation is longer than the context of {setup.n_ctx} tokens: "
                            f"the model no longer sees its {event.turns} oldest questions."
                        )
                    elif isinstance(event, Waiting):
                        self._status.show(f"waiting: answers before this one: {event.ahead}")
                    elif isinstance(event, Prefill):
                        self._status.show(reading_in_words(event))
                    elif isinstance(event, Finished):
                        finished = event
                    else:
                        first = first or time.monotonic()
                        self._status.clear()
                        if isinstance(event, Answer):
                            thoughts.end()
                        text = event.text
                        if setup.template is None and not out.begun:
                            # The model goes on with the user's text: what one reads is both, as one.
                            text = with_attachments(question, attachments) + text
                        (thoughts if isinstance(event, Reasoning) else out).write(text)
        finally:
            self._status.clear()
            thoughts.end()
            # Who closed our stdout needs no last line end.
            with suppress(BrokenPipeError):
                out.end(always=finished is not None)
        if self._as_json and finished is not None:
            turn = session.turns[-1]
            assert session.conversation is not None
            report = {
                "text": turn.answer,
                "reasoning": turn.reasoning,
                "finish_reason": finished.reason,
                "usage": {
                    "prompt_tokens": finished.prompt_tokens,
                    "cached_tokens": finished.cached_tokens,
                    "completion_tokens": finished.completion_tokens,
                },
                "timings": {
                    "load_seconds": round(loaded - began, 4),
                    "first_token_seconds": None if first is None else round(first - loaded, 4),
                    "prefill_seconds": round(finished.prefill_seconds, 4),
                    "decode_seconds": round(finished.decode_seconds, 4),
                    "prefill_tokens_per_second": round(finished.prefill_tokens_per_second, 2),
                    "decode_tokens_per_second": round(finished.decode_tokens_per_second, 2),
                },
                "model": setup.facts.name,
                "session": session.conversation.id,
            }
            print(json.dumps(report, ensure_ascii=False), flush=True)


class Printer:
    """Writes text as it comes and ends it with exactly one line end."""

    def __init__(self, stream: TextIO, *, hidden: bool = False, dim: bool = False) -> None:
        self._stream = stream
        self._hidden = hidden
        self._terminal = stream.isatty()
        self._dim = dim and self._terminal and not os.environ.get("NO_COLOR")
        self.begun = False
        """Whether anything was written."""
        self._open = False
        self._line_ends = ""

    def write(self, text: str) -> None:
        self.begun = True
        if self._hidden:
            return
        if self._terminal:
            text = without_controls(text)
        body = (self._line_ends + text).rstrip("\n")
        self._line_ends = (self._line_ends + text)[len(body) :]
        if body:
            self._open = True
            self._stream.write(f"\x1b[2m{body}\x1b[22m" if self._dim else body)
            self._stream.flush()

    def end(self, *, always: bool = False) -> None:
        """Ends the last line, if there is one or there must be."""
        if not self._hidden and (self._open or always):
            self._open, self._line_ends = False, ""
            self._stream.write("\n")
            self._stream.flush()


class StatusLine:
    """What is being done: one line that repaints itself on a terminal, elsewhere a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._due = time.monotonic() + (0.0 if self._terminal else SECONDS_BETWEEN_LINES)
        self._shown = False

    def show(self, text: str) -> None:
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + (SECONDS_BETWEEN_PAINTS if self._terminal else SECONDS_BETWEEN_LINES)
        self._shown = self._terminal
        self._stream.write(f"\r{self._cut(text)}\x1b[K" if self._terminal else f"autoglm-lite: {text}\n")
        self._stream.flush()

    def clear(self) -> None:
        if self._shown:
            self._shown = False
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _cut(self, text: str) -> str:
        """A line that is too long would go on in the next one, and each repaint below it."""
        from autoglm_lite.commands.models.table import clipped

        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            return text
        return clipped(text, columns - 1) if columns > 1 else text

    def line(self, text: str) -> None:
        """Something to stay."""
        self.clear()
        print(text, file=self._stream, flush=True)


def reading_in_words(prefill: Prefill) -> str:
    text = f"reading the prompt: {prefill.done:,} of {prefill.total:,} tokens"
    return text if prefill.seconds_left is None else f"{text}, {prefill.seconds_left:,.0f} s left"


def pace_in_words(pace: Pace) -> str:
    if pace.bytes_per_second is None or pace.seconds_left is None:
        return f"{pace.share:.0%}"
    return f"{pace.share:.0%}, {pace.bytes_per_second / 1e6:,.0f} MB/s, {pace.seconds_left:,.0f} s left"


def without_controls(text: str) -> str:
    """A model's text must not steer the terminal."""
    return "".join(c for c in text if c in "\n\t" or not (ord(c) < 32 or 127 <= ord(c) < 160))
