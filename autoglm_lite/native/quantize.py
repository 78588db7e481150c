"""ggml's own row quantisers, called in libggml-base without loading the rest of llama.cpp."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

from autoglm_lite.native.libraries import library

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def encode_rows(
    ggml_type: int, rows: npt.NDArray[np.float32], importance: npt.NDArray[np.float32] | None = None
) -> npt.NDArray[np.uint8]:
    """Encodes C-contiguous `rows` (n_rows, n_per_row) as `ggml_type`; returns (n_rows, bytes of a row).

    `importance` (n_per_row,) weighs the columns' errors; a type that needs it must have it. `n_per_row` must be a
    multiple of the type's block: ggml aborts the process on anything else. The call releases the GIL, and each row is
    encoded alone, so rows may be split over threads in any way. Raises OSError when the library cannot be loaded.
    """
    import numpy as np

    ggml = _library()
    n_rows, n_per_row = rows.shape
    if not rows.flags.c_contiguous or rows.dtype != np.float32:
        raise ValueError("rows must be C-contiguous float32")
    if importance is not None and (importance.shape != (n_per_row,) or importance.dtype != np.float32):
        raise ValueError(f"importance must be {n_per_row} float32 values")
    if (importance is None and requires_importance(ggml_type)) or n_per_row % block_size(ggml_type):
        raise ValueError(f"ggml type {ggml_type} cannot encode rows of {n_per_row} values without more knowledge")
    encoded = np.empty((n_rows, ggml.ggml_row_size(ggml_type, n_per_row)), dtype=np.uint8)
    weights = None if importance is None else np.ascontiguousarray(importance).ctypes.data
    written = ggml.ggml_quantize_chunk(ggml_type, rows.ctypes.data, encoded.ctypes.data, 0, n_rows, n_per_row, weights)
    if written != encoded.nbytes:
        raise RuntimeError(f"ggml wrote {written} bytes where {encoded.nbytes} were due")
    return encoded


def decode_blocks(ggml_type: int, raw: bytes | bytearray, n_values: int) -> npt.NDArray[np.float32]:
    """The `n_values` values that `raw` holds in blocks of the quantised type `ggml_type`."""
    import numpy as np

    values = np.empty(n_values, dtype=np.float32)
    data = np.frombuffer(raw, dtype=np.uint8)
    _dequantise(ggml_type)(data.ctypes.data, values.ctypes.data, n_values)
    return values


def sound_rows(ggml_type: int, encoded: npt.NDArray[np.uint8]) -> bool:
    """Whether no block of `encoded` holds a scale that is NaN or infinite (`ggml_validate_row_data`)."""
    return bool(_library().ggml_validate_row_data(ggml_type, encoded.ctypes.data, encoded.nbytes))


def prepare(ggml_type: int) -> None:
    """Builds a type's lookup tables, which is better done once than by all threads at the same time."""
    _library().ggml_quantize_init(ggml_type)


def block_size(ggml_type: int) -> int:
    """Values of one block of `ggml_type`."""
    size: int = _library().ggml_blck_size(ggml_type)
    return size


def requires_importance(ggml_type: int) -> bool:
    """Whether ggml cannot encode `ggml_type` without an importance matrix."""
    return bool(_library().ggml_quantize_requires_imatrix(ggml_type))


class _TypeTraits(ctypes.Structure):
    # struct ggml_type_traits of ggml.h.
    _fields_ = (
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)),
    )


def _dequantise(ggml_type: int) -> Any:
    traits = _library().ggml_get_type_traits(ggml_type).contents
    if not traits.is_quantized or not traits.to_float:
        raise ValueError(f"ggml type {ggml_type} cannot be decoded")
    return traits.to_float


@cache
def _library() -> Any:
    ggml: Any = library("ggml-base")
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    # Signatures as in ggml.h of llama.cpp in llama-cpp-python 0.3.36.
    signatures = {
        "ggml_quantize_chunk": (
            ctypes.c_size_t,
            (ctypes.c_int, pointer, pointer, number, number, number, pointer),
        ),
        "ggml_quantize_init": (None, (ctypes.c_int,)),
        "ggml_row_size": (ctypes.c_size_t, (ctypes.c_int, number)),
        "ggml_blck_size": (number, (ctypes.c_int,)),
        "ggml_quantize_requires_imatrix": (ctypes.c_bool, (ctypes.c_int,)),
        "ggml_validate_row_data": (ctypes.c_bool, (ctypes.c_int, pointer, ctypes.c_size_t)),
        "ggml_get_type_traits": (ctypes.POINTER(_TypeTraits), (ctypes.c_int,)),
    }
    for function, (result, arguments) in signatures.items():
        found = getattr(ggml, function)
        found.restype, found.argtypes = result, arguments
    return ggml
