"""Llama's forward pass on a tiny model, written out in NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.gguf.tiny import HEAD, N_EMBD, N_HEAD, N_HEAD_KV, N_LAYER, TYPE_F16, TYPE_F32, TYPE_Q8_0, Tiny

EPSILON = 1e-5
PARTS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")

Array = npt.NDArray[np.float64]


def as_f32(tiny: Tiny) -> Tiny:
    """The same weights: F32 leaves least to the kernels of one processor or another."""
    for tensor in tiny.tensors:
        if tensor.type == TYPE_F16:
            tensor.data = np.frombuffer(tensor.data, np.float16).astype(np.float32).tobytes()
        elif tensor.type == TYPE_Q8_0:
            blocks = np.frombuffer(tensor.data, np.dtype([("scale", "<f2"), ("values", "i1", 32)]))
            tensor.data = (blocks["scale"].astype(np.float32)[:, None] * blocks["values"]).tobytes()
        tensor.type = TYPE_F32
    return tiny


def hidden_states(tiny: Tiny, tokens: list[int]) -> list[Array]:
    """What enters the first layer and what leaves each, (n_tokens, N_EMBD), of a model in F32."""
    x = _matrix(tiny, "token_embd.weight")[tokens]
    states = [x]
    n = len(tokens)
    for layer in range(N_LAYER):
        weight = {part: _matrix(tiny, f"blk.{layer}.{part}.weight") for part in PARTS}
        h = _rms_norm(x)
        q = _rotated((h @ weight["attn_q"].T).reshape(n, N_HEAD, HEAD))
        k = _rotated((h @ weight["attn_k"].T).reshape(n, N_HEAD_KV, HEAD)).repeat(N_HEAD // N_HEAD_KV, 1)
        v = (h @ weight["attn_v"].T).reshape(n, N_HEAD_KV, HEAD).repeat(N_HEAD // N_HEAD_KV, 1)
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(HEAD) + np.triu(np.full((n, n), -np.inf), 1)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hqk,khd->qhd", shares / shares.sum(-1, keepdims=True), v)
        x = x + mixed.reshape(n, N_EMBD) @ weight["attn_output"].T
        h = _rms_norm(x)
        gate = h @ weight["ffn_gate"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ weight["ffn_up"].T)) @ weight["ffn_down"].T
        states.append(x)
    return states


def log_probabilities(tiny: Tiny, tokens: list[int]) -> Array:
    """(n_tokens, n_vocab)"""
    logits = _rms_norm(hidden_states(tiny, tokens)[-1]) @ _matrix(tiny, "output.weight").T
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


def _matrix(tiny: Tiny, name: str) -> Array:
    tensor = tiny.tensor(name)
    return np.frombuffer(tensor.data, np.float32).astype(np.float64).reshape(tensor.shape[::-1])


def _rms_norm(x: Array) -> Array:
    return np.asarray(x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON))


def _rotated(x: Array) -> Array:
    """Llama's rotary embedding on pairs of neighbours, (n_tokens, n_heads, HEAD)."""
    angles = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(0, HEAD, 2) / HEAD)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    even, odd = x[..., ::2], x[..., 1::2]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)
