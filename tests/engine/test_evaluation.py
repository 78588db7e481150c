"""Log-probabilities of a whole text, against a forward pass written out here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from autoglm_lite.engine.evaluation import evaluate
from tests.gguf.tiny import HEAD, MODELS, N_EMBD, N_HEAD, N_HEAD_KV, N_LAYER, TYPE_F16, TYPE_F32, TYPE_Q8_0, Tiny, llama

TOKENS = [1, 70, 262, 260, 61, 165, 66, 260, 163, 4] * 3
EPSILON = 1e-5


def matrix(tiny: Tiny, name: str) -> npt.NDArray[np.float64]:
    tensor = tiny.tensor(name)
    return np.frombuffer(tensor.data, np.float32).astype(np.float64).reshape(tensor.shape[::-1])


def rms_norm(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(x / np.sqrt((x**2).mean(-1, keepdims=True) + EPSILON))


def rotated(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Llama's rotary embedding on pairs of neighbours, (n_tokens, n_heads, HEAD)."""
    angles = np.arange(len(x))[:, None] * 10000.0 ** (-np.arange(0, HEAD, 2) / HEAD)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    even, odd = x[..., ::2], x[..., 1::2]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], -1).reshape(x.shape)


def forward(tiny: Tiny, tokens: list[int]) -> npt.NDArray[np.float64]:
    x = matrix(tiny, "token_embd.weight")[tokens]
    n = len(tokens)
    for layer in range(N_LAYER):
        weight = {part: matrix(tiny, f"blk.{layer}.{part}.weight") for part in PARTS}
        h = rms_norm(x)
        q = rotated((h @ weight["attn_q"].T).reshape(n, N_HEAD, HEAD))
        k = rotated((h @ weight["attn_k"].T).reshape(n, N_HEAD_KV, HEAD)).repeat(N_HEAD // N_HEAD_KV, 1)
        v = (h @ weight["attn_v"].T).reshape(n, N_HEAD_KV, HEAD).repeat(N_HEAD // N_HEAD_KV, 1)
        scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(HEAD) + np.triu(np.full((n, n), -np.inf), 1)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = np.einsum("hqk,khd->qhd", shares / shares.sum(-1, keepdims=True), v)
        x = x + mixed.reshape(n, N_EMBD) @ weight["attn_output"].T
        h = rms_norm(x)
        gate = h @ weight["ffn_gate"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ weight["ffn_up"].T)) @ weight["ffn_down"].T
    logits = rms_norm(x) @ matrix(tiny, "output.weight").T
    shifted = logits - logits.max(-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)))


PARTS = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")


def as_f32(tiny: Tiny) -> Tiny:
    for tensor in tiny.tensors:
        if tensor.type == TYPE_F16:
            tensor.data = np.frombuffer(tensor.data, np.float16).astype(np.float32).tobytes()
        elif tensor.type == TYPE_Q8_0:
            blocks = np.frombuffer(tensor.data, np.dtype([("scale", "<f2"), ("values", "i1", 32)]))
            tensor.data = (blocks["scale"].astype(np.float32)[:, None] * blocks["values"]).tobytes()
        tensor.type = TYPE_F32
    return tiny


def test_a_llama_in_f32_is_exact(tmp_path: Path) -> None:
    tiny = as_f32(llama())
    found = evaluate(tiny.write(tmp_path / "tiny.gguf"), TOKENS)
    assert found.dtype == np.float32
    assert np.abs(found - forward(tiny, TOKENS)).max() < 1e-4


@pytest.mark.parametrize("kind", MODELS)
def test_every_row_is_a_distribution_and_looks_only_back(kind: str, tmp_path: Path) -> None:
    path = MODELS[kind]().write(tmp_path / "tiny.gguf")
    whole = evaluate(path, TOKENS)
    assert np.allclose(np.exp(whole.astype(np.float64)).sum(1), 1, atol=1e-5)
    half = evaluate(path, TOKENS[:15])
    assert np.abs(whole[:15] - half).max() < 2e-3
    assert 0 < np.abs(evaluate(path, TOKENS, kv_type="f16") - whole).mean() < 0.05
