"""The candidates for the next token: an array that llama.cpp fills from a row of logits, shared by all who sample."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from autoglm_lite.errors import LoadError
from autoglm_lite.native.bindings import bindings

Choose = Callable[[Any], None]
"""Gets a pointer to a `llama_token_data_array` and sets its `selected`."""


class Candidates:
    """Gives the candidates of a row to a function that chooses among them.

    `llama_sampler_sample` fills its array in C and hands it to a chain of samplers. The only one in ours is a Python
    function: 10 us more a token than plain llama.cpp for a vocabulary of 152k, where filling an array of our own
    through a strided memoryview took 630 us more. The chain keeps its array, 12 bytes a token of the vocabulary,
    and does not accept what was chosen, so that a choice can be thrown away.
    """

    def __init__(self) -> None:
        self._lib = lib = bindings()
        self._choose: Choose | None = None
        self._failure: BaseException | None = None
        self._logit = 0.0
        # llama.cpp keeps a pointer to it.
        self._interface = lib.llama_sampler_i(apply=lib.llama_sampler_i_apply(self._apply))
        self._chain = lib.llama_sampler_chain_init(lib.llama_sampler_chain_default_params())
        lib.llama_sampler_chain_add(self._chain, lib.llama_sampler_init(ctypes.pointer(self._interface), None))

    def close(self) -> None:
        if self._chain:
            self._lib.llama_sampler_free(self._chain)
            self._chain = None

    def choose(self, context: object, row: int, choose: Choose) -> tuple[int, float]:
        """The token that `choose` selected for `row` of the last decoded batch of `context` (a `llama_context`), and
        its logit then.

        Raises LoadError where there are no logits, and what `choose` raises.
        """
        # llama_sampler_sample would end the process.
        if not self._lib.llama_get_logits_ith(context, row):
            raise LoadError("llama.cpp has computed no logits: this model cannot write.")
        self._choose, self._failure = choose, None
        try:
            token: int = self._lib.llama_sampler_sample(self._chain, context, row)
        finally:
            self._choose = None
        if self._failure is not None:
            raise self._failure
        return token, self._logit

    def _apply(self, _sampler: object, candidates: Any) -> None:
        array = candidates.contents
        try:
            if self._choose is not None:
                self._choose(candidates)
            if not 0 <= array.selected < array.size:
                raise LoadError("No sampler has chosen a token: the samplers that were asked for do not go together.")
            self._logit = array.data[array.selected].logit
        except BaseException as error:  # nothing can be raised through C
            self._failure = error
            array.selected = 0
