"""One loaded model that writes answers, one at a time, and never reads the same prefix twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter

from autoglm_lite.engine.text import TextStream
from autoglm_lite.errors import PromptTooLongError, UsageError
from autoglm_lite.generation import (
    REASONING_CLOSE,
    REASONING_OPEN,
    Event,
    Finished,
    FinishReason,
    GenerateRequest,
    LoadedModel,
    Prefill,
    Text,
)
from autoglm_lite.native.context import Aborted, Context
from autoglm_lite.native.model import Model
from autoglm_lite.native.rpc import notice_silence
from autoglm_lite.native.sampler import Sampler
from autoglm_lite.planning.plan import Plan

FIRST_CHUNK = 32
"""Tokens of the first prefill step: small, so that the speed is known and shown at once."""
SECONDS_A_CHUNK = 6.0
"""How often prefill reports on a slow machine; each chunk reads all weights once more."""
SECONDS_A_TEXT = 0.02
"""Tokens that come faster than this are sent together: no reader sees the difference, and each event costs."""


class Engine:
    """Not thread-safe, but for `cancel`."""

    def __init__(self, plan: Plan, on_progress: Callable[[float], None] | None = None) -> None:
        """Loads the model; raises LoadError."""
        self._model = Model(
            plan.model_path,
            load_mode=plan.load_mode,
            repack=plan.repack,
            devices=[(part.name, part.endpoint, part.layers) for part in plan.devices],
            on_cpu=plan.on_cpu,
            on_progress=on_progress,
        )
        try:
            self._context = Context(
                self._model,
                n_ctx=plan.n_ctx,
                n_ubatch=plan.n_ubatch,
                threads=plan.threads,
                threads_batch=plan.threads_batch,
                kv_type=plan.kv_type,
            )
        except BaseException:
            # Its memory here and on devices is wanted for the next try.
            self._model.close()
            raise
        notice_silence({part.endpoint for part in plan.devices if part.endpoint})
        for tag in (REASONING_OPEN, REASONING_CLOSE):
            self._model.write_control(tag)
        self._cached: list[int] = []
        """The tokens whose KV is in the context, in order."""
        self._prefill_speed = 0.0
        """Tokens per second, of the last chunk; 0 before the first."""

    @property
    def loaded(self) -> LoadedModel:
        model = self._model
        return LoadedModel(model.description(), model.n_params, self._context.n_ctx, model.n_ctx_train, model.n_vocab)

    def close(self) -> None:
        self._context.close()
        self._model.close()

    def tokenize(self, text: str, *, templated: bool) -> list[int]:
        """Token ids as a prompt would have them."""
        return self._model.tokenize(text, add_special=not templated, parse_special=templated)

    def cancel(self) -> None:
        """Ends the running answer within one node of the graph; may be called from another thread."""
        self._context.abort.set()

    def reset_cancel(self) -> None:
        """To be called before an answer, not in it: a cancel that came first must count."""
        self._context.abort.clear()

    def generate(self, request: GenerateRequest) -> Iterator[Event]:
        """The events of one answer; raises PromptTooLongError, UsageError for a prompt without a token."""
        prompt = self.tokenize(request.prompt, templated=request.templated)
        if not prompt:
            raise UsageError("The prompt is empty: type something to answer.")
        if len(prompt) >= self._context.n_ctx:
            raise PromptTooLongError(
                f"The prompt is {len(prompt):,} tokens long, but the context holds {self._context.n_ctx:,}"
                " with the answer: shorten the prompt or use a larger --ctx."
            )
        sampler = Sampler(request.sampling, self._model)
        if request.sampling.repeat_penalty != 1.0:
            sampler.accept(prompt[-request.sampling.repeat_last_n :])
        try:
            yield from self._answer(prompt, request, sampler)
        finally:
            sampler.close()

    def _answer(self, prompt: list[int], request: GenerateRequest, sampler: Sampler) -> Iterator[Event]:
        started = perf_counter()
        cached = self._keep_prefix(prompt)
        try:
            yield from self._prefill(prompt, cached)
        except Aborted:
            yield Finished("cancelled", len(prompt), cached, 0, perf_counter() - started, 0.0)
            return
        prefilled = perf_counter()
        text = TextStream(request.stop)
        pending, n_pending, n_sampled = "", 0, 0
        first = last = shown = prefilled
        reason: FinishReason = "length"
        while request.max_tokens is None or n_sampled < request.max_tokens:
            token = sampler.sample(self._context)
            last = perf_counter()
            n_sampled += 1
            if n_sampled == 1:
                first = last
            if self._model.ends_generation(token):
                reason = "stop"
                break
            pending += text.feed(self._model.token_bytes(token))
            n_pending += 1
            if text.stopped:
                reason = "stop"
                break
            if pending and (n_sampled == 1 or last - shown >= SECONDS_A_TEXT):
                yield Text(pending, n_pending)
                pending, n_pending, shown = "", 0, last
            if len(self._cached) >= self._context.n_ctx:
                reason = "context"
                break
            if n_sampled == request.max_tokens:
                break
            try:
                self._decode([token], logits=True)
            except Aborted:
                reason = "cancelled"
                break
        pending += text.finish()
        if pending or n_pending:
            yield Text(pending, n_pending)
        yield Finished(reason, len(prompt), cached, n_sampled, prefilled - started, last - first)

    def _keep_prefix(self, prompt: list[int]) -> int:
        """Forgets what the cache holds beyond the common prefix; returns how many tokens need no work.

        The last token of the prompt is always computed, for its logits.
        """
        common = 0
        for mine, theirs in zip(self._cached, prompt[:-1], strict=False):
            if mine != theirs:
                break
            common += 1
        common = self._context.forget_from(common)
        del self._cached[common:]
        return common

    def _prefill(self, prompt: list[int], cached: int) -> Iterator[Prefill]:
        total, done = len(prompt), cached
        yield Prefill(done, total, cached)
        while done < total:
            tokens = prompt[done : done + next_chunk(total - done, self._prefill_speed, self._context.n_ubatch)]
            started = perf_counter()
            self._decode(tokens, logits=done + len(tokens) == total)
            self._prefill_speed = len(tokens) / (perf_counter() - started)
            done += len(tokens)
            yield Prefill(done, total, cached)

    def _decode(self, tokens: list[int], *, logits: bool) -> None:
        try:
            self._context.decode(tokens, len(self._cached), n_outputs=int(logits))
        except BaseException:
            # Aborted or failed in the middle: what the cache holds of these tokens is unknown.
            del self._cached[self._context.forget_from(len(self._cached)) :]
            raise
        self._cached += tokens


def next_chunk(n_left: int, tokens_per_second: float, n_ubatch: int) -> int:
    """How many of the `n_left` tokens to compute next: equal parts, each of SECONDS_A_CHUNK and n_ubatch at most."""
    most = min(max(FIRST_CHUNK, int(tokens_per_second * SECONDS_A_CHUNK)), n_ubatch)
    n_chunks = -(-n_left // most)
    return -(-n_left // n_chunks)
