"""ggml's own row quantisers, called in libggml-base without loading the rest of llama.cpp."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def encode_rows(ggml_type: int, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Encodes C-contiguous `rows` (n_rows, n_per_row) as `ggml_type`; returns (n_rows, bytes of a row).

    `n_per_row` must be a multiple of the type's block, and the type one that needs no importance matrix:
    ggml aborts the process on anything else. The call releases the GIL, and each row is encoded alone,
    so rows may be split over threads in any way. Raises OSError when the library cannot be loaded.
    """
    import numpy as np

    ggml = _library()
    n_rows, n_per_row = rows.shape
    if not rows.flags.c_contiguous or rows.dtype != np.float32:
        raise ValueError("rows must be C-contiguous float32")
    if ggml.ggml_quantize_requires_imatrix(ggml_type) or n_per_row % ggml.ggml_blck_size(ggml_type):
        raise ValueError(f"ggml type {ggml_type} cannot encode rows of {n_per_row} values without more knowledge")
    encoded = np.empty((n_rows, ggml.ggml_row_size(ggml_type, n_per_row)), dtype=np.uint8)
    written = ggml.ggml_quantize_chunk(ggml_type, rows.ctypes.data, encoded.ctypes.data, 0, n_rows, n_per_row, None)
    if written != encoded.nbytes:
        raise RuntimeError(f"ggml wrote {written} bytes where {encoded.nbytes} were due")
    return encoded


@cache
def _library() -> Any:
    package = find_spec("llama_cpp")
    if package is None or package.origin is None:
        raise OSError("llama-cpp-python is not installed")
    name = {"win32": "ggml-base.dll", "darwin": "libggml-base.dylib"}.get(sys.platform, "libggml-base.so")
    ggml = ctypes.CDLL(str(Path(package.origin).parent / "lib" / name))
    # Signatures as in ggml.h of llama.cpp in llama-cpp-python 0.3.36.
    ggml.ggml_quantize_chunk.restype = ctypes.c_size_t
    ggml.ggml_quantize_chunk.argtypes = [
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
    ]
    ggml.ggml_row_size.restype = ctypes.c_size_t
    ggml.ggml_row_size.argtypes = [ctypes.c_int, ctypes.c_int64]
    ggml.ggml_blck_size.restype = ctypes.c_int64
    ggml.ggml_blck_size.argtypes = [ctypes.c_int]
    ggml.ggml_quantize_requires_imatrix.restype = ctypes.c_bool
    ggml.ggml_quantize_requires_imatrix.argtypes = [ctypes.c_int]
    return ggml
