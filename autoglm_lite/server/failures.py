"""What went wrong with a request, as every protocol can say it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autoglm_lite.errors import (
    AutoglmError,
    BusyError,
    ModelFileError,
    PromptTooLongError,
    TemplateError,
    UnknownModelError,
    UsageError,
    WillNotFitError,
)

Kind = Literal[
    "invalid", "too_long", "key", "forbidden", "no_model", "not_found", "too_large", "busy", "unavailable", "internal"
]
RETRY_SECONDS = 5
"""What a client is told to wait when the queue is full."""
NO_USE_TO_RETRY = {"x-should-retry": "false"}
"""By which OpenAI's and Anthropic's packages know not to ask twice more, as they do after any other 503."""
STATUSES: dict[Kind, int] = {
    "invalid": 400,
    "too_long": 400,
    "key": 401,
    "forbidden": 403,
    "no_model": 404,
    "not_found": 404,
    "too_large": 413,
    "busy": 429,
    "unavailable": 503,
    "internal": 500,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One clear sentence for whoever asked; never a path, a traceback or another client's text."""

    kind: Kind
    sentence: str
    headers: Mapping[str, str] = field(default_factory=dict)
    n_tokens: int | None = None
    """Of a prompt that is too long, where known; likewise the context's."""
    n_ctx: int | None = None
    param: str | None = None
    """The field of the request that is wrong, where it is one."""
    status: int = 0
    """Of HTTP; 0 takes the usual one of its kind."""

    @property
    def http_status(self) -> int:
        return self.status or STATUSES[self.kind]


class RefusedError(AutoglmError):
    """A request that is answered with a failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure


def failure_of(error: AutoglmError) -> Failure:
    if isinstance(error, RefusedError):
        return error.failure
    sentence = without_paths(str(error))
    if isinstance(error, PromptTooLongError):
        return Failure("too_long", sentence, n_tokens=error.n_tokens, n_ctx=error.n_ctx)
    if isinstance(error, UnknownModelError):
        return Failure("no_model", sentence, param="model")
    if isinstance(error, BusyError):
        return Failure("busy", sentence, {"Retry-After": str(RETRY_SECONDS)})
    if isinstance(error, UsageError | TemplateError):
        return Failure("invalid", sentence)
    if isinstance(error, ModelFileError | WillNotFitError):
        return Failure("unavailable", sentence, NO_USE_TO_RETRY, param="model")
    return Failure("unavailable", sentence)


PATH = re.compile(
    r"(?<![\w.:/])(?:~|/(?=[^\s/]))(?:"
    # A file's name may have blanks, so it ends where it says of which kind it is.
    r"[^;\n]*?\.(?:gguf|safetensors|bin|part|state|log|sock|so|c|cc|cpp|cu|h|hpp|py)\b(?!/)"
    r"|[^\s:;,'\"()]*/[^\s:;,'\"()]*[^\s:;,.'\"()])"
)
HIDDEN = "(a file of this computer)"
MOST_CHARACTERS = 1000
"""Of a sentence: it may quote what a client sent, and looking for paths takes the square of its length."""


def without_paths(sentence: str) -> str:
    """`sentence` for somebody who may be on another machine: no file of this one is named."""
    for folder in (os.environ.get("AUTOGLM_LITE_HOME"), os.environ.get("HOME")):
        # Its name may have blanks too.
        if folder and len(folder) > 1:
            sentence = sentence.replace(folder, "/_")
    return PATH.sub(HIDDEN, short(sentence))


def short(sentence: str) -> str:
    return sentence if len(sentence) <= MOST_CHARACTERS else f"{sentence[:MOST_CHARACTERS]}…"
