"""A model's chat template: messages in, the text that the model continues out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import PromptTooLongError, TemplateError

SECONDS = 2.0
MIN_CHARACTERS = 1_000_000
KEPT = ("TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Of our environment: for strftime_now, and what the interpreter may need to start at all."""
START = "import sys; sys.path[:] = sys.argv[1:]; from autoglm_lite.chat.render import main; main()"
ADVICE = "another GGUF file of this model may have a better one"


class TemplateRefusedError(TemplateError):
    """The template itself says that it cannot write these messages (`raise_exception`)."""


class ChatTemplate:
    """A Jinja template in a process of its own (see `render.py`), which starts at once and ends with this object.

    `bos` and `eos` are the texts of the model's beginning and end tokens. A text may have as many characters as
    16 for each of `n_ctx` tokens, and in any case a million. May be used from any thread.
    """

    def __init__(self, source: str, *, bos: str = "", eos: str = "", n_ctx: int = 0) -> None:
        self.source = source
        self._limit = max(MIN_CHARACTERS, 16 * n_ctx)
        self._setup = _line({"source": source, "tokens": {"bos_token": bos, "eos_token": eos}, "limit": self._limit})
        self._lock = threading.Lock()
        self._child = _Child(self._setup)

    @property
    def has_thinking_switch(self) -> bool:
        return "enable_thinking" in self.source

    def render(
        self,
        messages: Sequence[Mapping[str, object]],
        *,
        thinking: bool | None = None,
        tools: Sequence[Mapping[str, object]] = (),
    ) -> str:
        """The prompt, ending where the assistant's answer begins.

        Each message has `role` (system, user, assistant, tool), `content`, and possibly `reasoning_content`,
        `tool_calls` and `tool_call_id` as Hugging Face's `apply_chat_template` takes them, like `tools`; `thinking` is
        given to the template as `enable_thinking` unless it is None. Takes at most 2 seconds once the process runs.
        Raises PromptTooLongError, TemplateError, and TemplateRefusedError when the template finds fault with them.
        """
        n_characters = sum(len(str(message.get("content", ""))) for message in messages)
        if n_characters > self._limit:
            raise PromptTooLongError(f"The prompt has {n_characters:,} characters, too many for the context.")
        given: dict[str, object] = {"messages": messages, "add_generation_prompt": True}
        if tools:
            given["tools"] = tools
        if thinking is not None:
            given["enable_thinking"] = thinking
        with self._lock:
            if not self._child.alive():
                self._child.close()
                self._child = _Child(self._setup)
            # JSON writes at most 12 characters for one (a surrogate pair, each half escaped).
            reply = self._child.ask(_line(given), 12 * self._limit + 1000)
        match reply:
            case {"text": str(text)}:
                # Half of a surrogate pair, which no model has a token for, may be written in a template or a question.
                return text.encode("utf-8", "replace").decode()
            case {"refused": str(reason)}:
                raise TemplateRefusedError(f"The model's chat template refuses this conversation: {reason}")
            case {"error": str(what)}:
                raise TemplateError(f"The model's chat template {what}; {ADVICE}.")
        raise TemplateError(f"The model's chat template broke the process that it ran in; {ADVICE}.")

    def close(self) -> None:
        self._child.close()


class _Child:
    def __init__(self, setup: bytes) -> None:
        # Isolated, without site and without our environment: quick to start, and nothing to find in it.
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-X", "utf8", "-c", START, *_absolute(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LC_ALL": "C", **{name: os.environ[name] for name in KEPT if name in os.environ}},
            )
        except OSError as error:
            raise TemplateError(f"No process can be started for the chat template: {error.strerror}.") from error
        self.close = weakref.finalize(self, _end, self._process)
        self._ready = False
        self._send(setup)

    def alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self) -> None:
        assert self._process.stdout is not None
        if not self._ready and not self._process.stdout.readline(100):
            raise TemplateError("The process for chat templates does not start: run ./install.sh again.")
        self._ready = True

    def ask(self, line: bytes, limit: int) -> object:
        """The reply; None when the process ended instead. Raises TemplateError when it takes too long."""
        assert self._process.stdout is not None
        self.wait_until_ready()
        timer = threading.Timer(SECONDS, self._process.kill)
        timer.start()
        began = time.monotonic()
        try:
            self._send(line)
            reply = self._process.stdout.readline(limit)
        finally:
            timer.cancel()
        if not reply and time.monotonic() - began >= SECONDS:
            raise TemplateError(f"The model's chat template takes longer than {SECONDS:.0f} seconds; {ADVICE}.")
        try:
            return json.loads(reply)
        except (ValueError, RecursionError):
            self._process.kill()
            return None

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        # A process that has ended says so by the end of its output.
        with suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    # Closing a pipe that still holds unsent bytes tries to send them.
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with suppress(BrokenPipeError):
            pipe.close()
    process.wait()


def _absolute(paths: Sequence[str]) -> list[str]:
    return [path for path in paths if Path(path).is_absolute()]


def _line(value: object) -> bytes:
    return json.dumps(value).encode() + b"\n"
