"""The number formats a tensor can have on either side of a conversion, and the file types made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from autoglm_lite.errors import ConversionError
from autoglm_lite.gguf.ggml_types import FILE_TYPES as FILE_TYPE_NAMES
from autoglm_lite.gguf.ggml_types import GGML_TYPES


@dataclass(frozen=True, slots=True)
class TensorType:
    """A ggml type: its number in GGUF, and how many bytes hold one block of values."""

    name: str
    ggml_id: int
    block_values: int
    block_bytes: int

    @property
    def quantised(self) -> bool:
        """Whether values are stored in blocks, as `ggml_is_quantized` has it."""
        return self.block_values > 1

    def nbytes(self, shape: Sequence[int]) -> int:
        """Bytes of a tensor of `shape` (outermost first); the last dimension must be a multiple of the block."""
        return prod(shape[:-1]) * (shape[-1] // self.block_values if shape else 1) * self.block_bytes


TENSOR_TYPES = {
    found.name: TensorType(found.name, number, found.block_size, found.block_bytes)
    for number, found in GGML_TYPES.items()
    if found.multiplies and found.name != "NVFP4"
}
"""Every type that weights can be written in, by name."""

F32, F16, BF16, Q8_0 = (TENSOR_TYPES[name] for name in ("F32", "F16", "BF16", "Q8_0"))

LIMITS = {F16: 65520.0, BF16: float.fromhex("0x1.ffp127")}
"""The smallest magnitude that becomes infinite."""


@dataclass(frozen=True, slots=True)
class FileType:
    """What `--type` names: the type of most tensors, and its number in `general.file_type` (llama_ftype)."""

    name: str
    number: int
    main: TensorType

    @property
    def quantised(self) -> bool:
        """Whether llama-quantize makes such a file, rather than convert_hf_to_gguf alone."""
        return self.main.quantised


_MAIN = {
    "Q2_K_S": "Q2_K",
    "Q3_K_S": "Q3_K",
    "Q3_K_M": "Q3_K",
    "Q3_K_L": "Q3_K",
    "Q4_K_S": "Q4_K",
    "Q4_K_M": "Q4_K",
    "Q5_K_S": "Q5_K",
    "Q5_K_M": "Q5_K",
    "IQ2_S": "IQ2_XS",
    "IQ2_M": "IQ2_S",
    "IQ3_XS": "IQ3_S",
    "IQ3_M": "IQ3_S",
    "MXFP4_MOE": "MXFP4",
}
"""The type of most tensors where a file type is a mixture (llama_ftype_get_default_type in src/llama-quant.cpp)."""

FILE_TYPES = {
    name: FileType(name, number, TENSOR_TYPES[_MAIN.get(name, name)])
    for number, name in FILE_TYPE_NAMES.items()
    if _MAIN.get(name, name) in TENSOR_TYPES
}
"""What `--type` accepts, by name."""

ALIASES = {"Q3_K": "Q3_K_M", "Q4_K": "Q4_K_M", "Q5_K": "Q5_K_M"}


def file_type(name: str) -> FileType:
    """The file type called `name`, in any case; raises ConversionError for one we cannot write."""
    found = FILE_TYPES.get(ALIASES.get(name.upper(), name.upper()))
    if found is None:
        raise ConversionError(f"type {name} is not one of {', '.join(FILE_TYPES)}; name one of these with --type.")
    return found


def tensor_type(name: str) -> TensorType:
    """The tensor type called `name`, in any case; raises ConversionError for one we cannot write."""
    found = TENSOR_TYPES.get(name.upper())
    if found is None:
        raise ConversionError(f"tensor type {name} is not one of {', '.join(TENSOR_TYPES)}.")
    return found
