"""Forward passes of tiny embedding models in F32, written out in NumPy: what comes out for each token."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.gguf.tiny import HEAD, N_EMBD, N_HEAD, N_HEAD_KV, N_LAYER, Tiny

Array = npt.NDArray[np.float64]
EPSILON = 1e-5


class Weights:
    def __init__(self, tiny: Tiny) -> None:
        self._tiny = tiny

    def __call__(self, name: str) -> Array:
        tensor = self._tiny.tensor(name)
        return np.asarray(np.frombuffer(tensor.data, np.float32).astype(np.float64).reshape(tensor.shape[::-1]))

    def linear(self, x: Array, name: str) -> Array:
        y = x @ self(name + ".weight").T
        return np.asarray(y + self(name + ".bias") if self.has(name + ".bias") else y)

    def norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPSILON)
        y = scaled * self(name + ".weight")
        return np.asarray(y + self(name + ".bias") if self.has(name + ".bias") else y)

    def rms(self, x: Array, name: str) -> Array:
        return np.asarray(x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON) * self(name + ".weight"))

    def has(self, name: str) -> bool:
        return any(tensor.name == name.encode() for tensor in self._tiny.tensors)


def bert(tiny: Tiny, tokens: list[int]) -> Array:
    """BERT: (n_tokens, N_EMBD)."""
    w = Weights(tiny)
    x = w("token_embd.weight")[tokens] + w("token_types.weight")[0] + w("position_embd.weight")[: len(tokens)]
    x = w.norm(x, "token_embd_norm")
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        q, k, v = (_heads(w.linear(x, f"{block}attn_{part}")) for part in "qkv")
        x = w.norm(x + w.linear(_attention(q, k, v), block + "attn_output"), block + "attn_output_norm")
        h = _gelu(w.linear(x, block + "ffn_up"))
        x = w.norm(x + w.linear(h, block + "ffn_down"), block + "layer_output_norm")
    return x


def nomic_bert(tiny: Tiny, tokens: list[int]) -> Array:
    """BERT with rotary positions of base 1,000, and gates."""
    w = Weights(tiny)
    x = w.norm(w("token_embd.weight")[tokens] + w("token_types.weight")[0], "token_embd_norm")
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        q, k, v = (_heads(w.linear(x, f"{block}attn_{part}")) for part in "qkv")
        mixed = _attention(_rotated(q, 1000.0), _rotated(k, 1000.0), v)
        x = w.norm(x + w.linear(mixed, block + "attn_output"), block + "attn_output_norm")
        h = _silu(w.linear(x, block + "ffn_gate")) * w.linear(x, block + "ffn_up")
        x = w.norm(x + w.linear(h, block + "ffn_down"), block + "layer_output_norm")
    return x


def qwen3(tiny: Tiny, tokens: list[int]) -> Array:
    """Qwen 3, up to its last norm."""
    w = Weights(tiny)
    x = w("token_embd.weight")[tokens]
    for layer in range(N_LAYER):
        block = f"blk.{layer}."
        h = w.rms(x, block + "attn_norm")
        q, k, v = (_heads(w.linear(h, f"{block}attn_{part}")) for part in "qkv")
        q, k = (_rotated(w.rms(y, f"{block}attn_{part}_norm"), 10000.0) for y, part in ((q, "q"), (k, "k")))
        k, v = (y.repeat(N_HEAD // N_HEAD_KV, 1) for y in (k, v))
        x = x + w.linear(_attention(q, k, v, causal=True), block + "attn_output")
        h = w.rms(x, block + "ffn_norm")
        x = x + w.linear(_silu(w.linear(h, block + "ffn_gate")) * w.linear(h, block + "ffn_up"), block + "ffn_down")
    return w.rms(x, "output_norm")


def softmax(x: Array) -> Array:
    shares = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(shares / shares.sum(-1, keepdims=True))


def _heads(x: Array) -> Array:
    return x.reshape(len(x), -1, HEAD)


def _attention(q: Array, k: Array, v: Array, *, causal: bool = False) -> Array:
    scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(HEAD)
    if causal:
        scores = scores + np.triu(np.full(scores.shape[1:], -np.inf), 1)
    return np.asarray(np.einsum("hqk,khd->qhd", softmax(scores), v).reshape(len(q), N_EMBD))


def _rotated(x: Array, base: float) -> Array:
    """The rotary embedding of the first half of each head with the second (n_tokens, n_heads, HEAD)."""
    angles = np.arange(len(x))[:, None] * base ** (-np.arange(0, HEAD, 2) / HEAD)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    first, second = x[..., : HEAD // 2], x[..., HEAD // 2 :]
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], -1)


def _gelu(x: Array) -> Array:
    return np.asarray(x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2)


def _silu(x: Array) -> Array:
    return np.asarray(x / (1 + np.exp(-x)))
