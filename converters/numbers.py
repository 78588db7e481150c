"""Number formats as bit patterns: what a checkpoint stores becomes F32, and F32 is rounded to narrower types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from converters.types import BF16, F16, F32, TensorType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Numbers beyond ggml's own: no GGUF holds these two.
F8_E4M3 = TensorType("F8_E4M3", -1, 1, 1)
F8_E5M2 = TensorType("F8_E5M2", -2, 1, 1)
F8_TYPES = (F8_E4M3, F8_E5M2)

SAFETENSORS_TYPES = {"F32": F32, "F16": F16, "BF16": BF16, "F8_E4M3": F8_E4M3, "F8_E5M2": F8_E5M2}
"""What safetensors calls the formats that are read."""


def decode(raw: bytearray, kind: TensorType) -> npt.NDArray[np.float32]:
    """The values that `raw` holds as `kind`, as one run of F32; exact for everything that is not quantised."""
    import numpy as np

    if kind is F32:
        return np.frombuffer(raw, dtype="<f4")
    if kind is BF16:
        return widen_bf16(np.frombuffer(raw, dtype="<u2"))
    if kind is F16:
        return np.frombuffer(raw, dtype="<f2").astype(np.float32)
    if kind in F8_TYPES:
        table = _eighths(4, 3, 7, True) if kind is F8_E4M3 else _eighths(5, 2, 15, False)
        values: npt.NDArray[np.float32] = table[np.frombuffer(raw, dtype=np.uint8)]
        return values
    from converters.ggml import decode_blocks

    return decode_blocks(kind.ggml_id, raw, len(raw) // kind.block_bytes * kind.block_values)


def widen_bf16(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """BF16 bit patterns as F32."""
    import numpy as np

    return (bits.astype(np.uint32) << 16).view(np.float32)


def round_to(kind: TensorType, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """`values` rounded to the nearest of `kind` (F16 or BF16, ties to even), kept as F32."""
    import numpy as np

    if kind is F16:
        with np.errstate(over="ignore"):
            return values.astype(np.float16).astype(np.float32)
    bits = np.ascontiguousarray(values).view(np.uint32)
    rounded: npt.NDArray[np.float32] = ((bits + (0x7FFF + ((bits >> 16) & 1))) & np.uint32(0xFFFF0000)).view(np.float32)
    return rounded


@cache
def _eighths(exponent_bits: int, mantissa_bits: int, bias: int, finite: bool) -> npt.NDArray[np.float32]:
    """The 256 values of an 8-bit float (OCP 8-bit floating point specification); `finite` has NaN but no infinity."""
    import numpy as np

    table = []
    top = (1 << exponent_bits) - 1
    for code in range(256):
        exponent, mantissa = (code >> mantissa_bits) & top, code & ((1 << mantissa_bits) - 1)
        fraction = mantissa / (1 << mantissa_bits)
        value = (1 + fraction) * 2.0 ** (exponent - bias) if exponent else fraction * 2.0 ** (1 - bias)
        if exponent == top and (not finite or mantissa == (1 << mantissa_bits) - 1):
            value = float("nan") if finite or mantissa else float("inf")
        table.append(-value if code & 0x80 else value)
    return np.array(table, dtype=np.float32)
