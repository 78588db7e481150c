"""The child process in which a model's chat template runs.

A chat template is a program that came with a download. Jinja's immutable sandbox keeps it from our objects, but bounds
neither its time nor its memory, and it has been escaped from before. So it runs here: a process that can open no file,
start no process, and have little memory, and that its parent kills when the time is up.

Protocol, one line of JSON each: in, once, {source, tokens, limit}; out, once, {}; then in {messages, ...}, out one of
{text}, {refused}, {error}.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

# `jinja2.debug` is imported by Jinja when a template fails, which is too late here: no file can be opened then.
import jinja2.debug
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY_BYTES = 256 * 1024 * 1024
WARM_UP = r"""{{ "\n" | tojson }}{{ strftime_now("%Y") }}{{ raise_exception("") }}"""
"""Has Python load what it loads late, while files can still be opened."""
CPU_SECONDS = 3
"""For one text; the parent is quicker with its clock, unless it has died."""


class RefusedError(TemplateError):
    """The template called raise_exception."""


class TooLongError(Exception):
    """The template wrote more than it may."""


class Generation(Extension):
    """`{% generation %}` marks what a model is trained on; for a prompt it changes nothing."""

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        self.tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


def environment() -> ImmutableSandboxedEnvironment:
    """Jinja as Hugging Face's `apply_chat_template` sets it up, with the same helpers."""
    made = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    made.filters["tojson"] = to_json
    made.globals["raise_exception"] = refuse
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return made


def to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | str | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own filter escapes characters that matter in HTML, which a model has never seen."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def refuse(message: str) -> None:
    raise RefusedError(message)


def renderer(source: str, tokens: Mapping[str, str], limit: int) -> Callable[[Mapping[str, object]], str]:
    """A function from what the template is given to its text, at most `limit` characters; compiles it once."""
    template: jinja2.Template | None = None

    def render(given: Mapping[str, object]) -> str:
        nonlocal template
        template = template or environment().from_string(source)
        pieces: list[str] = []
        left = limit
        for piece in template.generate({"tools": None, "documents": None, **tokens, **given}):
            left -= len(piece)
            if left < 0:
                raise TooLongError
            pieces.append(piece)
        return "".join(pieces)

    return render


def confine() -> None:
    """Takes from this process, for good, what a template has no need of. Open files stay open."""
    limits = {
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    # Without /proc (macOS) there is no limit on memory, which the system would not hold to either.
    with suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limits[resource.RLIMIT_AS] = pages * resource.getpagesize() + MEMORY_BYTES
    for limit, value in limits.items():
        with suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, value))


def answer(render: Callable[[Mapping[str, object]], str], given: Mapping[str, object]) -> dict[str, str]:
    """One line of the protocol."""
    try:
        return {"text": render(given)}
    except RefusedError as error:
        return {"refused": str(error)}
    except TooLongError:
        return {"error": "writes too much"}
    except MemoryError:
        return {"error": "needs too much memory"}
    except RecursionError:
        return {"error": "calls itself without end"}
    except Exception as error:
        return {"error": f"fails: {type(error).__name__}: {error}"[:500].rstrip(".")}


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    setup = json.loads(requests.readline())
    answer(renderer(WARM_UP, {}, 100), {})
    render = renderer(setup["source"], setup["tokens"], setup["limit"])
    confine()
    replies.write(b"{}\n")
    replies.flush()
    for line in requests:
        spent = math.ceil(time.process_time())
        resource.setrlimit(resource.RLIMIT_CPU, (spent + CPU_SECONDS, resource.RLIM_INFINITY))
        replies.write(json.dumps(answer(render, json.loads(line))).encode() + b"\n")
        replies.flush()
    os._exit(0)
