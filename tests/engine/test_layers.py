"""Likeness of layers, against hidden states computed in NumPy."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from autoglm_lite.engine.layers import LayerComparer, compare_layers
from autoglm_lite.engine.reader import Stop
from autoglm_lite.errors import AutoglmError
from autoglm_lite.measurement import LayersCompared
from autoglm_lite.native.model import Model
from autoglm_lite.planning.plan import Plan
from tests.engine.forward import as_f32, hidden_states
from tests.gguf.tiny import MODELS, N_LAYER, llama

TEXT = "the one a toe 你好 " * 12


def similarity(model: Path) -> list[float]:
    events = list(compare_layers(Plan(str(model), 64, threads=1, threads_batch=1), TEXT, Stop()))
    last = events[-1]
    assert isinstance(last, LayersCompared)
    return last.similarity


def test_the_cosines_are_right(tmp_path: Path) -> None:
    tiny = as_f32(llama())
    path = tiny.write(tmp_path / "tiny.gguf")
    model = Model(str(path), load_mode="mmap", repack=False)
    tokens = model.tokenize(TEXT, add_special=True, parse_special=False)
    model.close()
    assert len(tokens) >= 128
    expected = np.zeros(N_LAYER)
    chunks = [tokens[i : i + 64] for i in range(0, len(tokens) // 64 * 64, 64)]
    for chunk in chunks:
        states = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in hidden_states(tiny, [1, *chunk[1:]])]
        expected += [(a * b).sum(1).mean() for a, b in pairwise(states)]
    assert np.allclose(similarity(path), expected / len(chunks), atol=2e-3)


@pytest.mark.parametrize("kind", MODELS)
def test_a_layer_that_adds_nothing_is_most_alike(kind: str, tmp_path: Path) -> None:
    tiny = MODELS[kind]()
    before = similarity(tiny.write(tmp_path / "tiny.gguf"))
    assert len(before) == N_LAYER
    assert all(-1 <= value <= 1 for value in before)
    for tensor in tiny.tensors:
        if tensor.name.startswith((b"blk.1.attn_output.weight", b"blk.1.ffn_down")):
            tensor.data = bytes(len(tensor.data))
    after = similarity(tiny.write(tmp_path / "idle.gguf"))
    assert after[1] == pytest.approx(1.0, abs=1e-6)
    assert after[0] == pytest.approx(before[0], abs=1e-6)


def test_a_graph_of_other_names_is_said() -> None:
    with pytest.raises(AutoglmError, match="cannot be compared"):
        LayerComparer().similarity()
