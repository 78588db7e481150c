"""Numbers on their way: widened, reordered, cut into slabs, encoded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from checkpoints import pack, weights, write_safetensors
from gguf import GGMLQuantizationType, quants
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import ConversionError
from autoglm_lite.native.quantize import encode_rows
from converters import tensors
from converters.checkpoint import read_shard
from converters.tensors import OutputTensor, encode, interleave_halves, widen
from converters.types import BF16, F16, F32, Q8_0, TensorType, file_type


@given(n_heads=st.integers(1, 4), pairs=st.integers(1, 5), n_per_row=st.integers(1, 3))
def test_interleaving_pairs_each_row_with_the_one_half_a_head_on(n_heads: int, pairs: int, n_per_row: int) -> None:
    group = 2 * pairs
    rows = np.arange(n_heads * group * n_per_row).reshape(n_heads * group, n_per_row)
    result = interleave_halves(rows, group)
    for head in range(n_heads):
        for pair in range(pairs):
            first, second = head * group + pair, head * group + pairs + pair
            assert (result[head * group + 2 * pair] == rows[first]).all()
            assert (result[head * group + 2 * pair + 1] == rows[second]).all()


def test_every_16_bit_pattern_widens_as_ieee_says() -> None:
    patterns = np.arange(1 << 16, dtype=np.uint16)
    half = widen(patterns, F16)
    expected = np.array([np.frombuffer(bytes([p & 255, p >> 8]), "<f2")[0] for p in range(1 << 16)]).astype(np.float32)
    assert np.array_equal(half, expected, equal_nan=True)
    brain = widen(patterns, BF16)
    assert np.array_equal(brain.view(np.uint32), patterns.astype(np.uint32) << 16)


SIZES = st.floats(2.0**-60, 2.0**20, width=32) | st.sampled_from([0.0, 6e-8, 65504.0, 65519.0, 1.0009765])
FINITE = st.builds(lambda size, sign: size * sign, SIZES, st.sampled_from([1.0, -1.0]))


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.lists(FINITE, min_size=32, max_size=32), min_size=1, max_size=4))
def test_ggml_encodes_as_gguf_py_does(rows: list[list[float]]) -> None:
    values = np.array(rows, dtype=np.float32)
    with np.errstate(all="ignore"):
        for kind, theirs in ((F16, "F16"), (BF16, "BF16"), (Q8_0, "Q8_0")):
            expected = quants.quantize(values, GGMLQuantizationType[theirs])
            assert encode_rows(kind.ggml_id, values).tobytes() == expected.tobytes()


def test_what_would_abort_ggml_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot encode rows of 33 values"):
        encode_rows(Q8_0.ggml_id, np.zeros((1, 33), np.float32))
    with pytest.raises(ValueError, match="without more knowledge"):
        encode_rows(GGMLQuantizationType.IQ2_XXS, np.zeros((1, 256), np.float32))
    with pytest.raises(ValueError, match="must be C-contiguous float32"):
        encode_rows(Q8_0.ggml_id, np.zeros((64, 2), np.float32).T)


@pytest.mark.parametrize("slab", [1, 100, 1000, 1 << 20])
@pytest.mark.parametrize("n_threads", [1, 3])
def test_slabs_and_threads_change_nothing(
    slab: int, n_threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = weights((48, 64), 5)
    write_safetensors(tmp_path / "a.safetensors", {"x": pack(values, "F32"), "y": pack(values, "BF16")})
    source = read_shard(tmp_path / "a.safetensors")[0]
    monkeypatch.setattr(tensors, "SLAB_VALUES", slab)
    output = OutputTensor("x", Q8_0, values.shape, source, (), interleaved_heads=6)
    with ThreadPoolExecutor(n_threads) as pool:
        encoded = b"".join(encode(output, pool, n_threads + 1))
    expected = quants.quantize(interleave_halves(values, 8), GGMLQuantizationType.Q8_0)
    assert encoded == expected.tobytes()
    assert len(encoded) == output.nbytes


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_safetensors(path, {"x": pack(weights((8, 8), 1), "F32")})
    output = OutputTensor("x", F32, (8, 8), read_shard(path)[0])
    path.write_bytes(path.read_bytes()[:-4])
    with ThreadPoolExecutor(1) as pool, pytest.raises(ConversionError, match="became shorter while it was read"):
        list(encode(output, pool, 2))


@pytest.mark.parametrize(("kind", "most"), [(F16, 65519.0), (Q8_0, 8.3e6), (BF16, 3.39e38), (F32, 3.39e38)])
def test_a_value_beyond_a_type_is_refused(kind: TensorType, most: float, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    for value, fits in ((most, True), (1.003 * most, not kind.limit)):
        write_safetensors(path, {"x": pack(np.full((2, 32), value, np.float32), "F32")})
        output = OutputTensor("x", kind, (2, 32), read_shard(path)[0])
        with ThreadPoolExecutor(1) as pool:
            if fits:
                assert len(b"".join(encode(output, pool, 2))) == output.nbytes
            else:
                with pytest.raises(ConversionError, match=f"values beyond {kind.name}'s range"):
                    list(encode(output, pool, 2))


def test_types_chosen_as_llama_cpp_chooses_them() -> None:
    q8 = file_type("q8_0")
    assert q8.choose("blk.0.ffn_down.weight", (64, 172)) is F16
    assert q8.choose("blk.0.ffn_down.weight", (64, 64)) is Q8_0
    assert q8.choose("blk.0.attn_norm.weight", (64,)) is F32
    assert q8.choose("blk.0.attn_q.bias", (64,)) is F32
    with pytest.raises(ConversionError, match="Q4_K_M is not one of F32, F16, BF16, Q8_0"):
        file_type("Q4_K_M")
