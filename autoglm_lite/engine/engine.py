"""One loaded model that writes answers, one at a time, and never reads the same prefix twice."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from autoglm_lite.engine.loading import open_context, open_model
from autoglm_lite.engine.prefixes import Prefixes, model_key
from autoglm_lite.engine.text import TextStream
from autoglm_lite.errors import LoadError, PromptTooLongError, UsageError
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
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.hardware.room import read_room
from autoglm_lite.native.context import Aborted, AbortFlag, Context
from autoglm_lite.native.heap import return_freed_memory
from autoglm_lite.native.rpc import notice_silence
from autoglm_lite.native.sampler import Sampler
from autoglm_lite.planning.plan import Plan, same_model
from autoglm_lite.planning.prefill import STEP_SECONDS
from autoglm_lite.states.folder import StateFolder, common_prefix

FIRST_CHUNK = 32
"""Tokens of the first prefill step: small, so that the speed is known and shown at once."""
SECONDS_A_TEXT = 0.02
"""Tokens that come faster than this are sent together: no reader sees the difference, and each event costs."""


TOO_LITTLE = "There is too little memory now to go on with the conversation: close other programs and ask again."


class Engine:
    """Not thread-safe, but for `cancel` and `use_threads`."""

    def __init__(
        self, plan: Plan, on_progress: Callable[[float], None] | None = None, states: Path | None = None
    ) -> None:
        """Loads the model; raises LoadError. `states`: the folder in which what was read is kept."""
        self._states = states
        self._prefixes: Prefixes | None = None
        self._file = _identity(plan.model_path)
        self._model = open_model(plan, on_progress)
        self._plan = plan
        self._abort = AbortFlag()
        self._kept: Context | None = None
        """None once it was shed, until the next answer."""
        try:
            self._open_context()
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

    def change(self, plan: Plan) -> bool:
        """Goes on with `plan` where the loaded weights will do, with an empty cache; False where they will not.

        Raises LoadError, after which only `close` is of use.
        """
        if not same_model(plan, self._plan) or _identity(plan.model_path) != self._file:
            return False
        if self._kept is not None:
            self._kept.close()
        self._plan, self._cached, self._prefill_speed = plan, [], 0.0
        self._open_context()
        return True

    def _open_context(self) -> None:
        self._most_threads = max(self._plan.threads, self._plan.threads_batch)
        before = _anonymous_bytes()
        self._kept = open_context(self._model, self._plan, abort=self._abort)
        self._context_bytes = max(0, _anonymous_bytes() - before)
        self._n_ctx = self._kept.n_ctx
        if self._states is not None:
            with suppress(OSError):
                self._prefixes = Prefixes(StateFolder(self._states, model_key(self._plan)))

    @property
    def loaded(self) -> LoadedModel:
        model = self._model
        description, n_params, n_vocab = model.description(), model.n_params, model.n_vocab
        return LoadedModel(description, n_params, self._n_ctx, model.n_ctx_train, n_vocab, self._context_bytes)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()
        self._model.close()

    def shed_context(self) -> int:
        """Gives the KV cache and the compute buffers back to the system until the next answer; returns how many bytes
        that were."""
        before = _anonymous_bytes()
        if self._kept is not None:
            self.keep_prefix()
            self._kept.close()
            self._kept = None
            self._cached.clear()
            return_freed_memory()
        return max(0, before - _anonymous_bytes())

    def keep_prefix(self) -> bool:
        """Keeps what was read on disk if that pays; to be called between answers."""
        if self._prefixes is None or self._kept is None or not self._cached:
            return False
        return self._prefixes.keep(self._kept, self._cached, self._prefill_speed)

    def use_threads(self, most: int) -> None:
        """No more than these from the next step on, also of a running answer; may be called from another thread."""
        self._most_threads = most

    def tokenize(self, text: str, *, templated: bool) -> list[int]:
        """Token ids as a prompt would have them."""
        return self._model.tokenize(text, add_special=not templated, parse_special=templated)

    def cancel(self) -> None:
        """Ends the running answer within one node of the graph; may be called from another thread."""
        self._abort.set()

    def reset_cancel(self) -> None:
        """To be called before an answer, not in it: a cancel that came first must count."""
        self._abort.clear()

    def generate(self, request: GenerateRequest) -> Iterator[Event]:
        """The events of one answer; raises PromptTooLongError, UsageError for a prompt without a token, and LoadError
        when the context was shed and there is too little memory to make it again."""
        prompt = self.tokenize(request.prompt, templated=request.templated)
        if not prompt:
            raise UsageError("The prompt is empty: type something to answer.")
        if len(prompt) >= self._n_ctx:
            raise PromptTooLongError(
                f"The prompt is {len(prompt):,} tokens long, but the context holds {self._n_ctx:,}"
                " with the answer: shorten the prompt or use a larger --ctx."
            )
        sampler = Sampler(request.sampling, self._model, n_ctx=self._n_ctx)
        sampler.accept(prompt)
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
            token = sampler.sample(self._context, -1).token
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
            if len(self._cached) >= self._n_ctx:
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

    @property
    def _context(self) -> Context:
        if self._kept is None:
            room = read_room()
            if room is not None and self._context_bytes > room.left:
                raise LoadError(TOO_LITTLE)
            try:
                self._kept = open_context(self._model, self._plan, abort=self._abort)
            except LoadError as error:
                raise LoadError(TOO_LITTLE) from error
        return self._kept

    def _keep_prefix(self, prompt: list[int]) -> int:
        """Forgets what the cache holds beyond the common prefix; returns how many tokens need no work.

        The last token of the prompt is always computed, for its logits.
        """
        wanted = array("i", prompt[:-1])
        common = common_prefix(array("i", self._cached), wanted)
        if self._prefixes is not None:
            found = self._prefixes.better(self._context, wanted, common, self._prefill_speed)
            if common < len(self._cached):
                self.keep_prefix()
            if found is not None:
                self._cached = self._prefixes.restore(self._context, found)
                common = common_prefix(array("i", self._cached), wanted)
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
            self._context.wait()
            # A few tokens take nearly as long as many, so they say little.
            if len(tokens) >= FIRST_CHUNK or not self._prefill_speed:
                self._prefill_speed = len(tokens) / (perf_counter() - started)
            done += len(tokens)
            yield Prefill(done, total, cached)

    def _decode(self, tokens: list[int], *, logits: bool) -> None:
        most = self._most_threads
        self._context.use_threads(min(most, self._plan.threads), min(most, self._plan.threads_batch))
        try:
            self._context.decode(tokens, len(self._cached), n_outputs=int(logits))
        except BaseException:
            # Aborted or failed in the middle: what the cache holds of these tokens is unknown.
            del self._cached[self._context.forget_from(len(self._cached)) :]
            raise
        self._cached += tokens


def _anonymous_bytes() -> int:
    return process_memory(os.getpid())[1]


def next_chunk(n_left: int, tokens_per_second: float, n_ubatch: int) -> int:
    """How many of the `n_left` tokens to compute next: equal parts, each of STEP_SECONDS and n_ubatch at most."""
    most = min(max(FIRST_CHUNK, int(tokens_per_second * STEP_SECONDS)), n_ubatch)
    n_chunks = -(-n_left // most)
    return -(-n_left // n_chunks)


def _identity(path: str) -> tuple[int, ...]:
    """Another one when the file was replaced or written to; empty where there is none."""
    try:
        status = Path(path).stat()
    except OSError:
        return ()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
