"""Views of a checkpoint's tensors, read by any range of rows, against the same done at once by numpy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from checkpoints import pack, weights, write_safetensors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import ConversionError
from converters.checkpoint import SourceTensor, read_shard
from converters.files import Files
from converters.numbers import F8_E4M3, decode
from converters.rows import (
    BlockScaled,
    Permuted,
    Plus,
    Reshaped,
    Rows,
    Stacked,
    Stored,
    Whole,
    interleaved,
    n_per_row,
    n_rows,
    part,
)
from converters.scales import weights as scaled_weights
from converters.types import F16, F32

MATRIX = weights((24, 10), 1)
STACK = weights((3, 24, 10), 2)
VECTOR = weights((24,), 3)

Array = npt.NDArray[np.float32]
Case = tuple[str, Callable[[Rows], Rows], Callable[[Array], Array]]

CASES: list[Case] = [
    ("matrix", lambda rows: rows, lambda values: values),
    ("matrix", lambda rows: part(rows, 4, 19), lambda values: values[4:19]),
    ("matrix", lambda rows: part(rows, 2, 5, 6), lambda values: values.reshape(4, 6, 10)[:, 2:5].reshape(12, 10)),
    ("matrix", lambda rows: interleaved(rows, 3), lambda v: v.reshape(3, 2, 4, 10).swapaxes(1, 2).reshape(24, 10)),
    (
        "matrix",
        lambda rows: Permuted(rows, (3, 0, 2, 1)),
        lambda v: v.reshape(6, 4, 10)[:, [3, 0, 2, 1]].reshape(24, 10),
    ),
    ("matrix", lambda rows: Plus(rows, 1.0), lambda values: values + np.float32(1)),
    ("matrix", lambda rows: Reshaped(rows, (2, 40, 3)), lambda values: values.reshape(2, 40, 3)),
    ("matrix", lambda rows: Whole(rows, (10, 24), lambda values: values.T), lambda values: values.T),
    ("matrix", lambda rows: Stacked((rows, rows)), lambda values: np.stack([values, values])),
    ("matrix", lambda rows: part(Stacked((rows, rows, rows)), 2, 9), lambda v: np.stack([v, v, v])[:, 2:9]),
    ("stack", lambda rows: part(rows, 12, 24), lambda values: values[:, 12:]),
    ("stack", lambda rows: Plus(part(rows, 0, 5), 2.0), lambda values: values[:, :5] + np.float32(2)),
    ("vector", lambda rows: interleaved(rows, 2), lambda values: values.reshape(2, 2, 6).swapaxes(1, 2).reshape(24)),
    ("vector", lambda rows: part(rows, 1, 20), lambda values: values[1:20]),
    ("vector", lambda rows: Plus(rows, 1.0), lambda values: values + np.float32(1)),
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stored]:
    path = tmp_path_factory.mktemp("rows") / "a.safetensors"
    write_safetensors(path, {"matrix": pack(MATRIX, "F32"), "stack": pack(STACK, "F32"), "vector": pack(VECTOR, "F32")})
    return {tensor.name: Stored(tensor) for tensor in read_shard(path)}


@pytest.mark.parametrize("number", range(len(CASES)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_range_of_rows(number: int, sources: dict[str, Stored], data: st.DataObject) -> None:
    name, ours, theirs = CASES[number]
    rows = ours(sources[name])
    expected = theirs({"matrix": MATRIX, "stack": STACK, "vector": VECTOR}[name])
    assert rows.shape == expected.shape
    table = np.ascontiguousarray(expected).reshape(n_rows(rows), n_per_row(rows))
    start = data.draw(st.integers(0, n_rows(rows) - 1))
    stop = data.draw(st.integers(start + 1, n_rows(rows)))
    with Files() as files:
        assert np.array_equal(rows.read(files, start, stop), table[start:stop])
    assert {source.name for source in rows.sources} == {name}


def test_addition_keeps_the_precision_of_the_checkpoint(tmp_path: Path) -> None:
    values = weights((4, 8), 5)
    write_safetensors(tmp_path / "a.safetensors", {"x": pack(values, "F16")})
    rows = Plus(Stored(read_shard(tmp_path / "a.safetensors")[0]), 1.0)
    assert rows.exact is F16
    with Files() as files:
        expected = (values.astype(np.float16) + np.float16(1)).astype(np.float32)
        assert np.array_equal(rows.read(files, 0, 4), expected)


def fp8(path: Path, shape: tuple[int, ...], scale: Array) -> list[SourceTensor]:
    codes = (np.arange(np.prod(shape)) * 37 % 120).astype(np.uint8)
    write_safetensors(path, {"w.weight": ("F8_E4M3", shape, codes.tobytes()), "w.weight_scale_inv": pack(scale, "F32")})
    return read_shard(path)


@pytest.mark.parametrize("span", [(0, 9), (0, 4), (3, 7), (8, 9)])
def test_fp8_blocks(span: tuple[int, int], tmp_path: Path) -> None:
    scale = weights((3, 3), 9) + 1
    tensors = fp8(tmp_path / "a.safetensors", (9, 10), scale)
    rows = scaled_weights(tensors, {"quant_method": "fp8", "weight_block_size": [4, 4]})["w.weight"]
    assert isinstance(rows, BlockScaled)
    assert rows.exact is F32
    codes = (np.arange(90) * 37 % 120).astype(np.uint8)
    plain = decode(bytearray(codes.tobytes()), F8_E4M3).reshape(9, 10)
    expected = plain * np.kron(scale, np.ones((4, 4), np.float32))[:9, :10]
    with Files() as files:
        assert np.array_equal(rows.read(files, *span), expected[slice(*span)])


def test_fp8_scales_that_do_not_fit(tmp_path: Path) -> None:
    tensors = fp8(tmp_path / "a.safetensors", (9, 10), weights((2, 3), 9))
    with pytest.raises(ConversionError, match="does not fit the weight's"):
        scaled_weights(tensors, {"quant_method": "fp8", "weight_block_size": [4, 4]})
    with pytest.raises(ConversionError, match="something else than two sizes"):
        scaled_weights(tensors, {"quant_method": "fp8", "weight_block_size": "all"})
    # One scale for each matrix of a stack is not one for each row.
    stack = fp8(tmp_path / "b.safetensors", (2, 4, 8), weights((2, 1), 9))
    with pytest.raises(ConversionError, match="does not fit"):
        scaled_weights(stack, {"quant_method": "fp8"})
    with pytest.raises(ConversionError, match=r"already quantised \(awq\)"):
        scaled_weights(tensors, {"quant_method": "awq"})
    with pytest.raises(ConversionError, match="is FP8 and has no scale"):
        scaled_weights(tensors[:1], {"quant_method": "fp8"})
    with pytest.raises(ConversionError, match="scales a weight that is not there"):
        scaled_weights(tensors[1:], {"quant_method": "fp8"})
