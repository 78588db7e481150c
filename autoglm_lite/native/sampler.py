"""Chooses the tokens of one answer."""

from __future__ import annotations

import math
import secrets
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from autoglm_lite.errors import LoadError, UsageError
from autoglm_lite.generation import Sampling, TokenLogprob
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.chain import make_chain, punishes_repeats, samplers
from autoglm_lite.native.context import Context
from autoglm_lite.native.grammar import check_grammar, grammar_sampler
from autoglm_lite.native.limits import check
from autoglm_lite.native.logprobs import token_logprob
from autoglm_lite.native.model import Model
from autoglm_lite.native.trigger import Trigger

SEEDS = 0xFFFFFFFF
"""llama.cpp takes a seed of 32 bits, of which the largest stands for a random one."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """A chosen token, with its logarithmic probability where that was asked for."""

    token: int
    logprob: TokenLogprob | None


class Sampler:
    """Owns the samplers of one answer and what they remember of it."""

    def __init__(
        self,
        sampling: Sampling,
        model: Model,
        *,
        n_ctx: int,
        logprobs: int | None = None,
        choice: int = 0,
        written: Collection[int] = (),
    ) -> None:
        """`logprobs`: with each token its logarithmic probability and those of so many of the likeliest. `choice`: the
        number of this answer among those to one prompt; its seed is that of `sampling` plus this. `written`: control
        tokens that stand for their names.

        Raises UsageError for values that make no sense, and for a grammar that cannot be used.
        """
        check(sampling, n_vocab=model.n_vocab, logprobs=logprobs)
        self._lib, self._model, self._logprobs, self._written = bindings(), model, logprobs, written
        # llama.cpp would allocate whatever it is told.
        self._look_back = n_ctx if sampling.repeat_last_n < 0 else min(sampling.repeat_last_n, n_ctx)
        self._remembers = bool(sampling.dry_multiplier) or punishes_repeats(sampling)
        seed = secrets.randbits(32) if sampling.seed is None else sampling.seed
        if sampling.grammar is not None and model.end is None:
            raise UsageError("This model has no token that ends an answer: it cannot follow a grammar.")
        self._sampling = sampling
        self._grammar: Any = None
        self._trigger: Trigger | None = None
        """None once the grammar holds, or where nothing can make it hold any more."""
        if sampling.grammar is not None and sampling.grammar_after:
            check_grammar(sampling.grammar)
            self._watch()
        elif sampling.grammar is not None:
            self._grammar = grammar_sampler(model, sampling.grammar)
        self._silent: set[int] = set()
        """Control tokens, which a grammar takes for their names, though no reader sees those; as they turn up."""
        self._grammar_first = sampling.mirostat != 0
        """Mirostat learns from each choice, so none may be thrown away."""
        self._chain: Any = make_chain(
            samplers(sampling, model, look_back=self._look_back, seed=(seed + choice) % SEEDS)
        )

    def accept(self, tokens: Iterable[int]) -> None:
        """Lets the penalties and DRY look back on tokens that were not sampled here; the grammar does not see them."""
        if self._remembers:
            for token in deque(tokens, maxlen=self._look_back):
                self._lib.llama_sampler_accept(self._chain, token)

    def sample(self, context: Context, row: int, *, free: bool = False) -> Sampled:
        """The token after `row` of the last decoded batch. `free`: the grammar does not hold for it, as in reasoning.

        Where the grammar, or the logit bias, leaves no token to choose, the answer is ended. Raises LoadError where
        the model has computed nothing that one could choose from.
        """
        token = self._choose(context, row, None if free else self._grammar, None if free else self._trigger)
        if free and self._grammar is None and self._sampling.grammar is not None:
            # The answer begins behind the reasoning.
            self._watch()
        logprob = None
        if self._logprobs is not None:
            logprob = token_logprob(context, self._model, row, token, self._logprobs)
        return Sampled(token, logprob)

    def close(self) -> None:
        self._lib.llama_sampler_free(self._chain)
        self._lib.llama_sampler_free(self._grammar)
        self._chain = self._grammar = None

    def _choose(self, context: Context, row: int, grammar: Any, trigger: Trigger | None) -> int:
        choose = self._model.candidates.choose
        token, logit = -1, -math.inf
        if grammar is None or not self._grammar_first:
            token, logit = choose(context.handle, row, self._apply)
        # Looking at one token costs nothing, at all of them as much as decoding; most that a model likes will do.
        if grammar is not None and not (logit > -math.inf and self._allows(grammar, token)):
            token, logit = choose(context.handle, row, self._apply_with_grammar)
            while logit > -math.inf and self._model.is_silent(token, self._written):
                self._silent.add(token)
                token, logit = choose(context.handle, row, self._apply_with_grammar)
        if trigger is not None:
            refused: set[int] = set()
            while logit > -math.inf and not self._goes_on(trigger, token):
                refused.add(token)
                token, logit = choose(context.handle, row, lambda found: self._apply_without(refused, found))
        if math.isnan(logit):
            raise LoadError("The model computes no numbers (NaN): its file is damaged, get it again.")
        if logit == -math.inf:
            # Nothing is left. Accepting a token that the grammar refuses would end the process.
            return self._end()
        self._lib.llama_sampler_accept(self._chain, token)
        if grammar is not None:
            self._lib.llama_sampler_accept(grammar, token)
        return token

    def _watch(self) -> None:
        self._trigger = Trigger(self._sampling.grammar_after, at_start=self._sampling.grammar_at_start)

    def _apply(self, candidates: Any) -> None:
        self._lib.llama_sampler_apply(self._chain, candidates)

    def _apply_with_grammar(self, candidates: Any) -> None:
        self._lib.llama_sampler_apply(self._grammar, candidates)
        self._apply_without(self._silent, candidates)

    def _apply_without(self, refused: Iterable[int], candidates: Any) -> None:
        for token in refused:
            candidates.contents.data[token].logit = -math.inf
        self._lib.llama_sampler_apply(self._chain, candidates)

    def _goes_on(self, trigger: Trigger, token: int) -> bool:
        """Has the grammar hold from within `token` if a text ends in it after which it does; whether `token` may then
        be chosen, which is to be done."""
        if self._model.ends_generation(token):
            return True
        data = self._model.token_bytes(token, self._written)
        end = trigger.end_in(data)
        if end is None:
            if not trigger.feed(data):
                self._trigger = None
            return True
        try:
            behind = data[:end].decode()
        except UnicodeDecodeError:
            # A text that begins in the middle of a character: no model means that.
            return False
        assert self._sampling.grammar is not None
        grammar = grammar_sampler(self._model, self._sampling.grammar, behind=behind)
        if not self._allows(grammar, token):
            self._lib.llama_sampler_free(grammar)
            return False
        self._lib.llama_sampler_accept(grammar, token)
        self._grammar, self._trigger = grammar, None
        return True

    def _allows(self, grammar: Any, token: int) -> bool:
        alone = (self._lib.llama_token_data * 1)((token, 1.0, 0.0))
        array = self._lib.llama_token_data_array(data=alone, size=1, selected=-1, sorted=False)
        self._lib.llama_sampler_apply(grammar, array)
        return bool(alone[0].logit != -math.inf) and not self._model.is_silent(token, self._written)

    def _end(self) -> int:
        token = self._model.end
        if token is None:
            raise UsageError("No token is left to choose, and this model has none that ends an answer: allow more.")
        return token
