"""Numbers on their way: widened, cut into slabs, encoded; and the types that each tensor gets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from checkpoints import pack, weights, write_safetensors
from gguf import GGMLQuantizationType, quants
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import ConversionError
from autoglm_lite.native.quantize import decode_blocks, encode_rows
from converters.checkpoint import read_shard
from converters.files import Files
from converters.numbers import F8_E4M3, F8_E5M2, decode, round_to
from converters.rows import Stored, interleaved, n_rows
from converters.tensors import OutputTensor, encode
from converters.types import BF16, F16, F32, Q8_0, TENSOR_TYPES, TensorType, file_type


def test_every_16_bit_pattern_widens_as_ieee_says() -> None:
    patterns = np.arange(1 << 16, dtype=np.uint16)
    half = decode(bytearray(patterns.tobytes()), F16)
    expected = np.array([np.frombuffer(bytes([p & 255, p >> 8]), "<f2")[0] for p in range(1 << 16)]).astype(np.float32)
    assert np.array_equal(half, expected, equal_nan=True)
    brain = decode(bytearray(patterns.tobytes()), BF16)
    assert np.array_equal(brain.view(np.uint32), patterns.astype(np.uint32) << 16)


def test_8_bit_floats_are_those_of_the_open_compute_project() -> None:
    # OCP 8-bit Floating Point Specification, table 1: largest, smallest normal and smallest values, and no value.
    four = decode(bytearray([0x7E, 0x08, 0x01, 0xB8, 0x7F]), F8_E4M3)
    assert four[:4].tolist() == [448.0, 2.0**-6, 2.0**-9, -1.0]
    assert np.isnan(four[4])
    five = decode(bytearray([0x7B, 0x04, 0x01, 0xBC, 0x7C]), F8_E5M2)
    assert five.tolist() == [57344.0, 2.0**-14, 2.0**-16, -1.0, float("inf")]


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


def encoded(tensor: OutputTensor, n_threads: int, slab_values: int = 1 << 20) -> bytes:
    with Files() as files, ThreadPoolExecutor(n_threads) as pool:
        return b"".join(block for _, block in encode([tensor], files, pool, n_threads + 1, slab_values))


def stored(path: Path, values: npt.NDArray[np.float32], dtype: str = "F32") -> Stored:
    write_safetensors(path, {"x": pack(values, dtype)})
    return Stored(read_shard(path)[0])


@settings(max_examples=200, deadline=None)
@given(rows=st.lists(st.lists(FINITE, min_size=32, max_size=32), min_size=1, max_size=4))
def test_rounding_is_that_of_gguf_py(rows: list[list[float]]) -> None:
    values = np.array(rows, dtype=np.float32)
    with np.errstate(all="ignore"):
        for kind in (F16, BF16):
            raw = quants.quantize(values, GGMLQuantizationType[kind.name]).tobytes()
            assert np.array_equal(round_to(kind, values).reshape(-1), decode(bytearray(raw), kind))


@pytest.mark.parametrize(
    "name", [name for name, kind in TENSOR_TYPES.items() if kind.quantised and name not in ("Q1_0", "Q2_0")]
)
def test_each_type_comes_back_as_gguf_py_reads_it(name: str) -> None:
    kind, values = TENSOR_TYPES[name], weights((2, 512), 3)
    importance = np.ones(512, dtype=np.float32)
    raw = encode_rows(kind.ggml_id, values, importance)
    back = decode_blocks(kind.ggml_id, raw.tobytes(), values.size).reshape(values.shape)
    expected = quants.dequantize(raw, GGMLQuantizationType[name])
    # The order of additions differs, and so may the last bit.
    assert np.allclose(back, expected, rtol=1e-5, atol=1e-7)
    assert np.abs(back - values).max() < 0.1


@pytest.mark.parametrize("slab", [1, 100, 1000, 1 << 20])
@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("kind", ["Q8_0", "F16", "F32"])
def test_slabs_and_threads_change_nothing(slab: int, n_threads: int, kind: str, tmp_path: Path) -> None:
    values = weights((48, 64), 5)
    rows = interleaved(stored(tmp_path / "a.safetensors", values), 6)
    output = OutputTensor("x", rows, F32, TENSOR_TYPES[kind])
    halves = values.reshape(6, 2, 4, 64).swapaxes(1, 2).reshape(48, 64)
    expected = quants.quantize(halves, GGMLQuantizationType[kind]).tobytes()
    assert encoded(output, n_threads, slab) == expected
    assert len(expected) == output.nbytes


def test_each_expert_has_its_own_importance(tmp_path: Path) -> None:
    values, importance = weights((3, 5, 256), 7), (np.abs(weights((3, 256), 8)) + 1e-3).astype(np.float32)
    rows = stored(tmp_path / "a.safetensors", values)
    output = OutputTensor("x", rows, F32, TENSOR_TYPES["Q2_K"], importance)
    expected = b"".join(
        encode_rows(TENSOR_TYPES["Q2_K"].ggml_id, values[expert], importance[expert]).tobytes() for expert in range(3)
    )
    for slab in (256, 700, 1 << 20):
        assert encoded(output, 2, slab) == expected


def test_a_file_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    output = OutputTensor("x", stored(path, weights((8, 8), 1)), F32, F32)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ConversionError, match="became shorter while it was read"):
        encoded(output, 1)
    path.unlink()
    with pytest.raises(ConversionError, match="vanished meanwhile"):
        encoded(output, 1)


@pytest.mark.parametrize(
    ("base", "kind", "most"), [(F16, F16, 65519.0), (F32, Q8_0, 8.3e6), (BF16, BF16, 3.39e38), (F16, Q8_0, 65519.0)]
)
def test_a_value_beyond_a_type_is_refused(base: TensorType, kind: TensorType, most: float, tmp_path: Path) -> None:
    for value, fits in ((most, True), (1.003 * most, False)):
        rows = stored(tmp_path / "a.safetensors", np.full((2, 32), value, np.float32))
        output = OutputTensor("x", rows, base, kind)
        if fits:
            assert len(encoded(output, 1)) == output.nbytes
        else:
            with pytest.raises(ConversionError, match="holds values beyond"):
                encoded(output, 1)


def test_nan_is_refused_wherever_it_is(tmp_path: Path) -> None:
    values = weights((64, 64), 1)
    values[63, 63] = np.nan
    output = OutputTensor("x", stored(tmp_path / "a.safetensors", values), F32, F32)
    with pytest.raises(ConversionError, match=r"tensor x in a\.safetensors holds NaN or infinity"):
        encoded(output, 2, 100)
    assert n_rows(output.rows) == 64


def test_names_of_types() -> None:
    assert file_type("q4_k").name == "Q4_K_M"
    assert file_type("iq3_xs").main.name == "IQ3_S"
    with pytest.raises(ConversionError, match="Q9_X is not one of F32, F16"):
        file_type("Q9_X")
