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
    typical_p: float = 1.0
    """Locally typical sampling; 1 is off."""
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    """Tokens that the three penalties and DRY look back on; -1 means the whole context."""
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    dry_multiplier: float = 0.0
    """Against repeated phrases; 0 is off."""
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    """Tokens that a repetition may have unpunished."""
    xtc_probability: float = 0.0
    """Of leaving out the likeliest choices; 0 is off."""
    xtc_threshold: float = 0.1
    mirostat: Literal[0, 1, 2] = 0
    """The version, which takes the place of top-k, top-p, min-p, typical and XTC; 0 is off."""
    mirostat_tau: float = 5.0
    mirostat_eta: float = 0.1
    logit_bias: tuple[tuple[int, float], ...] = ()
    """Token ids, and what is added to their logits; -inf forbids one."""
    grammar: str | None = None
    """GBNF, with a rule `root`, that the answer must follow."""
    grammar_after: tuple[str, ...] = ()
    """The grammar holds only from the end of the first of these that is written; none: from the first token."""
    grammar_at_start: bool = False
    """Whether those count only where the answer begins with one of them, after white space."""
    seed: int | None = None
    """None draws a new seed for each answer."""


LARGEST = 10_000.0
"""Of what is added to a logit: far beyond any logit, and no sum of them overflows."""

RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 100),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "typical_p": (0, 1),
    "repeat_penalty": (0.001, 1000),
    "frequency_penalty": (-LARGEST, LARGEST),
    "presence_penalty": (-LARGEST, LARGEST),
    "dry_multiplier": (0, LARGEST),
    "dry_base": (1, 100),
    "xtc_probability": (0, 1),
    "xtc_threshold": (0, 1),
    "mirostat_tau": (0, 100),
    "mirostat_eta": (0, 10),
}
"""Of Sampling: the values that llama.cpp's samplers can work with."""
WHOLE_RANGES: dict[str, tuple[int, int]] = {
    "top_k": (0, 2**31 - 1),
    "repeat_last_n": (-1, 2**31 - 1),
    "dry_allowed_length": (0, 2**31 - 1),
    "mirostat": (0, 2),
}


LIVELY = Sampling(temperature=20.0, top_p=1.0, min_p=0.0)
"""For measuring: no answer repeats itself, which guessing would make quick."""


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
    n: int = 1
    """Answers to be written, each by itself, from one reading of the prompt."""
    logprobs: int | None = None
    """With each token its logarithmic probability, and those of so many of the likeliest; None gives neither."""
    thinking_tokens: int | None = None
    """After so many tokens of reasoning it is closed in the model's name; None sets no end to it."""
    written: tuple[str, ...] = ()
    """Control tokens whose names are part of the answer's text; all others stand for nothing."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Others are being answered first: `ahead` of them must end before this one can begin."""

    ahead: int


@dataclass(frozen=True, slots=True)
class Prefill:
    """The prompt is being read: `done` of `total` tokens, of which `cached` needed no work."""

    done: int
    total: int
    cached: int
    seconds_left: float | None = None
    """Until the first token, at the speed so far; None while nothing was read yet."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A sampled token: what it stands for, the natural logarithm of its probability as the model
    gave it, before any sampler, and the likeliest tokens in its place with theirs, best first."""

    token: int
    piece: bytes
    logprob: float
    top: tuple[tuple[int, bytes, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer, always whole characters, made of `n_tokens` newly sampled tokens."""

    text: str
    n_tokens: int
    choice: int = 0
    """Which of the `n` answers it belongs to."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """One for each token where they were asked for."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An answer is complete. Times in seconds."""

    reason: FinishReason
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    prefill_seconds: float
    """Reading the part of the prompt that was not cached, up to the first logits."""
    decode_seconds: float
    """From the first sampled token to the last."""
    choice: int = 0
    n_left: int = 0
    """Other choices that have not ended yet."""
    stopped_by: str | None = None
    """Which of the request's stop texts ended it, if one did."""

    @property
    def prefill_tokens_per_second(self) -> float:
        return (self.prompt_tokens - self.cached_tokens) / max(self.prefill_seconds, 1e-9)

    @property
    def decode_tokens_per_second(self) -> float:
        """Counts the intervals between tokens: the first one came with the prefill."""
        return max(self.completion_tokens - 1, 0) / max(self.decode_seconds, 1e-9)


Event = Waiting | Prefill | Text | Finished


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
