"""What is asked of a loaded model and what comes back: the words that engine, worker and faces share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "context", "cancelled"]

REASONING_OPEN = "<think>"
REASONING_CLOSE = "</think>"
"""Around what a model thinks before it answers; part of the text, also where a vocabulary calls them control tokens."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen; the defaults are llama.cpp's own (common/common.h)."""

    temperature: float = 0.8
    """0 takes the most likely token each time."""
    top_k: int = 40
    """Only the k most likely tokens; 0 means all."""
    top_p: float = 0.95
    min_p: float = 0.05
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    """Tokens that the repeat penalty looks back on."""
    seed: int | None = None
    """None draws a new seed for each answer."""


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """One answer to be written.

    `prompt` is the whole text so far. With `templated`, control tokens written in it count as such and the template
    has already placed the beginning-of-text token; without, the text is plain and that token is added.
    """

    prompt: str
    templated: bool
    sampling: Sampling = Sampling()
    max_tokens: int | None = None
    """None: until the model stops or the context is full."""
    stop: tuple[str, ...] = ()
    """The answer ends before the first of these."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """The prompt is being read: `done` of `total` tokens, of which `cached` needed no work."""

    done: int
    total: int
    cached: int


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, always whole characters, made of `n_tokens` newly sampled tokens."""

    text: str
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete. Times in seconds."""

    reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prefill_seconds: float
    """Reading the part of the prompt that was not cached, up to the first logits."""
    decode_seconds: float
    """From the first sampled token to the last."""

    @property
    def prefill_tokens_per_second(self) -> float:
        return (self.prompt_tokens - self.cached_tokens) / max(self.prefill_seconds, 1e-9)

    @property
    def decode_tokens_per_second(self) -> float:
        """Counts the intervals between tokens: the first one came with the prefill."""
        return max(self.completion_tokens - 1, 0) / max(self.decode_seconds, 1e-9)


Event = Prefill | Text | Finished


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What the engine says of the model it has loaded."""

    description: str
    """llama.cpp's own short description, such as `qwen2 1.5B Q4_K - Medium`."""
    n_params: int
    n_ctx: int
    n_ctx_train: int
    n_vocab: int
    context_bytes: int = 0
    """Of memory, that the KV cache and what goes with it took; without compute buffers, which grow with use."""
