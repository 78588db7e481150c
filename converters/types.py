"""The number formats a tensor can have on either side of a conversion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.errors import ConversionError


@dataclass(frozen=True, slots=True)
class TensorType:
    """A ggml type: its number in GGUF, and how many bytes hold one block of values."""

    name: str
    ggml_id: int
    block_values: int
    block_bytes: int
    limit: float = 0.0
    """The smallest magnitude that becomes infinite; 0 where no F32 does."""

    def nbytes(self, shape: Sequence[int]) -> int:
        """Bytes of a tensor of `shape`; the last dimension must be a multiple of the block."""
        blocks = 1
        for size in (*shape[:-1], shape[-1] // self.block_values):
            blocks *= size
        return blocks * self.block_bytes


F32 = TensorType("F32", 0, 1, 4)
F16 = TensorType("F16", 1, 1, 2, limit=65520.0)
BF16 = TensorType("BF16", 30, 1, 2, limit=float.fromhex("0x1.ffp127"))
# A block's scale is its largest magnitude over 127, in F16.
Q8_0 = TensorType("Q8_0", 8, 32, 34, limit=65520.0 * 127)

SOURCE_TYPES = {"F32": F32, "F16": F16, "BF16": BF16}


@dataclass(frozen=True, slots=True)
class FileType:
    """What `--type` names: the type of most tensors, and its number in `general.file_type`."""

    name: str
    number: int
    main: TensorType

    def choose(self, name: str, shape: Sequence[int]) -> TensorType:
        """The type of the GGUF tensor `name` of `shape` (outermost dimension first).

        Vectors and norms stay F32; rows that are no multiple of the block become F16, as in llama.cpp.
        """
        if len(shape) <= 1 or name.endswith("_norm.weight") or not name.endswith(".weight"):
            return F32
        if shape[-1] % self.main.block_values:
            return F16
        return self.main


FILE_TYPES = {
    kind.name: kind
    for kind in (
        FileType("F32", 0, F32),
        FileType("F16", 1, F16),
        FileType("BF16", 32, BF16),
        FileType("Q8_0", 7, Q8_0),
    )
}


def file_type(name: str) -> FileType:
    """The file type called `name`, in any case; raises ConversionError for one we cannot write."""
    found = FILE_TYPES.get(name.upper())
    if found is None:
        raise ConversionError(f"type {name} is not one of {', '.join(FILE_TYPES)}; name one of these with --type.")
    return found
