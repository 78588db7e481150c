"""A plain completion, as OpenAI's older protocol asks for it and gives it."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from autoglm_lite.errors import UsageError
from autoglm_lite.generation import FinishReason, TokenLogprob
from autoglm_lite.server.limits import GRAMMAR_CHARACTERS, Name, NChoices, Stop, Stops, TopLogprobs
from autoglm_lite.server.openai.logprobs import LEAST
from autoglm_lite.server.openai.sampling import MaxTokens, SamplingFields, most_tokens
from autoglm_lite.server.openai.usage import PromptProgress, StreamOptions, Timings, Usage

MOST_PROMPTS = 16

Reason = Literal["stop", "length"]
REASONS: dict[FinishReason, Reason] = {"stop": "stop", "length": "length", "context": "length", "cancelled": "stop"}


class CompletionRequest(SamplingFields, kw_only=True):
    prompt: str | Annotated[list[str], Meta(min_length=1, max_length=MOST_PROMPTS)]
    """Several are answered one after another."""
    model: Name | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: MaxTokens | None = None
    """None: until the model stops or the context is full."""
    n: NChoices | None = None
    stop: Stop | Stops | None = None
    echo: bool | None = None
    """Whether the text begins with the prompt."""
    suffix: str | None = None
    logprobs: TopLogprobs | None = None
    grammar: Annotated[str, Meta(max_length=GRAMMAR_CHARACTERS)] | None = None
    """GBNF that the answer must follow."""
    templated: bool | None = None
    """Whether the prompt was written by the model's chat template: control tokens in it count as such, and nothing is
    put before it."""
    thinking_tokens: Annotated[int, Meta(ge=0)] | None = None
    """Of a templated prompt: after so many tokens of reasoning it is closed in the model's name."""
    return_progress: bool | None = None
    """Whether a stream tells how far the prompt is read."""

    @property
    def prompts(self) -> list[str]:
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def check(self) -> None:
        """Raises UsageError for what no model here can do."""
        most_tokens(self.max_tokens)
        if self.suffix:
            raise UsageError("Text cannot be put before a given suffix here: leave out suffix.")
        if self.echo and self.logprobs is not None:
            raise UsageError("The prompt's own log-probabilities are not given: leave out echo or logprobs.")


class TextLogprobs(msgspec.Struct):
    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]
    """Characters of the answer before each token."""


class TextChoice(msgspec.Struct):
    index: int
    text: str
    logprobs: TextLogprobs | None
    finish_reason: Reason


class Completion(msgspec.Struct):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextChoice]
    usage: Usage
    timings: Timings


class TextDelta(msgspec.Struct):
    index: int
    text: str
    logprobs: TextLogprobs | None = None
    finish_reason: Reason | None = None


class TextChunk(msgspec.Struct):
    """One event of a stream; `choices` is empty in those that only tell of progress or usage."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[TextDelta]
    usage: Usage | msgspec.UnsetType = msgspec.UNSET
    timings: Timings | msgspec.UnsetType = msgspec.UNSET
    prompt_progress: PromptProgress | msgspec.UnsetType = msgspec.UNSET


class Offsets:
    """Log-probabilities of one choice, as they come."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._n_characters = 0

    def take(self, given: Sequence[TokenLogprob]) -> TextLogprobs:
        offsets = []
        for one in given:
            offsets.append(self._n_characters)
            self._n_characters += len(self._decoder.decode(one.piece))
        return TextLogprobs(
            [_text(one.piece) for one in given],
            [max(LEAST, one.logprob) for one in given],
            [{_text(piece): max(LEAST, value) for _, piece, value in one.top} for one in given],
            offsets,
        )


def _text(piece: bytes) -> str:
    """Parts of characters as OpenAI writes them, so that two are not the same."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in piece)
