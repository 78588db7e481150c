"""Log-probabilities of a whole text, against a forward pass written out in NumPy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autoglm_lite.engine.evaluation import evaluate
from tests.engine.forward import as_f32, log_probabilities
from tests.gguf.tiny import MODELS, llama

TOKENS = [1, 70, 262, 260, 61, 165, 66, 260, 163, 4] * 3


def test_a_llama_in_f32_is_exact(tmp_path: Path) -> None:
    tiny = as_f32(llama())
    found = evaluate(tiny.write(tmp_path / "tiny.gguf"), TOKENS)
    assert found.dtype == np.float32
    assert np.abs(found - log_probabilities(tiny, TOKENS)).max() < 1e-4


@pytest.mark.parametrize("kind", MODELS)
def test_every_row_is_a_distribution_and_looks_only_back(kind: str, tmp_path: Path) -> None:
    path = MODELS[kind]().write(tmp_path / "tiny.gguf")
    whole = evaluate(path, TOKENS)
    assert np.allclose(np.exp(whole.astype(np.float64)).sum(1), 1, atol=1e-5)
    half = evaluate(path, TOKENS[:15])
    assert np.abs(whole[:15] - half).max() < 2e-3
    assert 0 < np.abs(evaluate(path, TOKENS, kv_type="f16") - whole).mean() < 0.05
