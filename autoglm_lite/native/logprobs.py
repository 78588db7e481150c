"""Logarithmic probabilities of tokens, as the model gave them."""

from __future__ import annotations

import ctypes

from autoglm_lite.generation import TokenLogprob
from autoglm_lite.native.bindings import bindings
from autoglm_lite.native.context import Context
from autoglm_lite.native.model import Model


def token_logprob(context: Context, model: Model, row: int, token: int, n_top: int) -> TokenLogprob:
    """Of `token` and the `n_top` likeliest: the natural logarithm of the softmax of `row`'s logits, which samplers do
    not change. `row` is that of the last decoded batch, with logits."""
    import numpy as np

    pointer = bindings().llama_get_logits_ith(context.handle, row)
    address = ctypes.addressof(pointer.contents)
    logits = np.ctypeslib.as_array((ctypes.c_float * model.n_vocab).from_address(address)).astype(np.float64)
    logits -= logits.max()
    logits -= np.log(np.exp(logits).sum())
    n_top = min(n_top, model.n_vocab)
    likeliest = np.argpartition(-logits, n_top - 1)[:n_top] if n_top else np.empty(0, np.intp)
    likeliest = likeliest[np.lexsort((likeliest, -logits[likeliest]))]
    top = tuple((int(i), model.token_bytes(int(i)), float(logits[i])) for i in likeliest)
    return TokenLogprob(token, model.token_bytes(token), float(logits[token]), top)
