"""One answer as it is written: its tokens, its text, and when it ends."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from time import perf_counter

from autoglm_lite.engine.sequences import Held
from autoglm_lite.engine.speculation import NGrams
from autoglm_lite.engine.text import TextStream
from autoglm_lite.engine.thinking import Thinking
from autoglm_lite.generation import (
    REASONING_CLOSE,
    Finished,
    FinishReason,
    GenerateRequest,
    Prefill,
    Text,
    TokenLogprob,
)
from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model
from autoglm_lite.native.sampler import Sampled, Sampler

SECONDS_A_TEXT = 0.02
"""Tokens that come faster than this are sent together: no reader sees the difference, and each event costs."""


class Answer:
    """One choice of a request."""

    def __init__(
        self, request_id: int, choice: int, request: GenerateRequest, prompt: Sequence[int], model: Model, n_ctx: int
    ) -> None:
        """Raises UsageError for sampling that makes no sense."""
        self.request_id = request_id
        self.choice = choice
        self.tokens = array("i", prompt)
        """The prompt, and what was written after it that is to be computed."""
        self.held: Held | None = None
        """None while it waits."""
        self.reason: FinishReason | None = None
        """None until it has ended."""
        self._request = request
        self._model = model
        self._n_ctx = n_ctx
        self._n_prompt = self._n_to_read = len(prompt)
        self._n_cached = self._n_sampled = 0
        self._written = model.controls(request.written)
        self._sampler = Sampler(
            request.sampling, model, n_ctx=n_ctx, logprobs=request.logprobs, choice=choice, written=self._written
        )
        self._sampler.accept(prompt)
        self._thinking = Thinking(request.prompt, request.thinking_tokens) if request.templated else None
        self._text = TextStream(request.stop)
        self._ngrams: NGrams | None = None
        self._n_seen = 0
        """Tokens that are in it."""
        self._pending, self._n_pending = "", 0
        self._logprobs: list[TokenLogprob] = []
        self._begun: float | None = None
        self._read = self._first = self._last = self._shown = 0.0

    @property
    def n_left(self) -> int:
        """Tokens to be computed before the next can be sampled."""
        return len(self.tokens) - (0 if self.held is None else len(self.held.tokens))

    @property
    def reading(self) -> bool:
        """Whether its prompt, or what it had written before it was set aside, is still being read."""
        return self.held is None or len(self.held.tokens) < self._n_to_read

    @property
    def begun(self) -> bool:
        return self._begun is not None

    def begin(self, held: Held) -> None:
        """It has a sequence from now on, which holds a beginning of its tokens; also after it was set aside."""
        self.held, self._n_to_read = held, len(self.tokens)
        if self._begun is None:
            self._begun, self._n_cached = perf_counter(), len(held.tokens)

    def set_aside(self) -> None:
        self.held = None

    def progress(self, speed: float) -> Prefill | None:
        """How far the prompt is read; None once that was said to the end. `speed`: tokens of prefill a second that were
        measured before, or 0."""
        if self.held is None or self._begun is None or self._read:
            return None
        done = len(self.held.tokens)
        if done > self._n_cached:
            # Its own speed, which others may have a part in.
            speed = (done - self._n_cached) / (perf_counter() - self._begun)
        seconds_left = (self._n_prompt - done) / speed if speed else None
        return Prefill(done, self._n_prompt, self._n_cached, seconds_left)

    def draft(self, most: int) -> list[int]:
        """A guess at what comes next, of at most `most` tokens."""
        most = min(most, self._n_ctx - len(self.tokens))
        if self._request.max_tokens is not None:
            most = min(most, self._request.max_tokens - self._n_sampled - 1)
        if self._ngrams is None:
            self._ngrams = NGrams(self.tokens)
        else:
            self._ngrams.extend(self.tokens[self._n_seen :])
        self._n_seen = len(self.tokens)
        return self._ngrams.draft(most)

    def sample(self, context: Context, row: int, drafted: Sequence[int]) -> int:
        """Takes the token after the `row`th of the last batch, and as many more as were `drafted` rightly, whose rows
        come after it; returns how many of those. Sets `reason` where the answer ends."""
        for i in range(len(drafted) + 1):
            free = self._thinking is not None and self._thinking.inside
            sampled = self._sampler.sample(context, row + i, free=free)
            if not self._take(sampled) or i == len(drafted) or drafted[i] != sampled.token:
                break
        return i

    def end(self, reason: FinishReason) -> None:
        """Unless it has ended already."""
        self.reason = self.reason or reason

    def text(self) -> Text | None:
        """What has been written since the last time, if it is to be shown now."""
        if self.reason is not None:
            self._pending += self._text.finish()
        elif not self._pending or (self._n_sampled > 1 and self._last - self._shown < SECONDS_A_TEXT):
            return None
        if not (self._pending or self._n_pending):
            return None
        found = Text(self._pending, self._n_pending, self.choice, tuple(self._logprobs))
        self._pending, self._n_pending, self._shown = "", 0, self._last
        self._logprobs.clear()
        return found

    def finished(self, n_left: int) -> Finished:
        """To be called once it has a reason. `n_left`: choices of its request that have not ended."""
        assert self.reason is not None
        self._sampler.close()
        now = perf_counter()
        reading = 0.0 if self._begun is None else (self._read or now) - self._begun
        writing = self._last - self._first
        counts = self._n_prompt, self._n_cached, self._n_sampled
        return Finished(self.reason, *counts, reading, writing, self.choice, n_left, self._text.stopped_by)

    def close(self) -> None:
        self._sampler.close()

    def computed(self) -> None:
        """All its tokens are in the cache."""
        if not self._read:
            self._read = self._first = self._last = self._shown = perf_counter()
            if self._request.max_tokens == 0:
                self.reason = "length"

    def _take(self, sampled: Sampled) -> bool:
        """Whether the text goes on with what was sampled, and nothing else."""
        self._last = perf_counter()
        self._n_sampled += 1
        if self._n_sampled == 1:
            self._first = self._last
        if self._model.ends_generation(sampled.token):
            self.reason = "stop"
            return False
        self.tokens.append(sampled.token)
        self._write(sampled.token)
        self._n_pending += 1
        if sampled.logprob is not None:
            self._logprobs.append(sampled.logprob)
        if self._text.stopped:
            self.reason = "stop"
        elif len(self.tokens) > self._n_ctx:
            self.reason = "context"
        elif self._n_sampled == self._request.max_tokens:
            self.reason = "length"
        elif self._thinking is not None and self._thinking.over:
            self._close_reasoning()
            return False
        return self.reason is None

    def _write(self, token: int) -> None:
        piece = self._text.feed(self._model.token_bytes(token, self._written))
        self._pending += piece
        if self._thinking is not None:
            self._thinking.feed(piece)

    def _close_reasoning(self) -> None:
        """Writes the end of the reasoning in the model's name; the model goes on from there."""
        tokens = self._model.tokenize(f"\n{REASONING_CLOSE}\n\n", add_special=False, parse_special=True)
        self._sampler.accept(tokens)
        for token in tokens:
            self.tokens.append(token)
            self._write(token)
