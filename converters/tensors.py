"""One tensor on its way: read in slabs, reordered, checked, encoded, with bounded memory on all cores."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from autoglm_lite.errors import ConversionError
from converters.checkpoint import SourceTensor
from converters.types import BF16, F16, F32, TensorType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SLAB_VALUES = 1 << 20
"""Values that one thread holds at a time: 4 MB as F32, and about 12 MB with its source and result."""


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """One tensor of the GGUF file: outermost dimension first, made from `source` or from `values` (F32)."""

    name: str
    type: TensorType
    shape: tuple[int, ...]
    source: SourceTensor | None
    values: tuple[float, ...] = ()
    interleaved_heads: int = 0
    """Heads whose two halves of rows llama.cpp wants alternating; 0 leaves the rows as they are."""

    @property
    def nbytes(self) -> int:
        """Bytes in the GGUF file, without padding."""
        return self.type.nbytes(self.shape)


def encode(tensor: OutputTensor, pool: ThreadPoolExecutor, in_flight: int) -> Generator[bytes, None, None]:
    """The bytes of `tensor` in order, at most `in_flight` slabs at a time on the threads of `pool`.

    Raises ConversionError when the source is cut short, holds NaN or infinity, or overflows F16.
    """
    import numpy as np

    if tensor.source is None:
        yield np.array(tensor.values, dtype="<f4").tobytes()
        return
    n_rows, n_per_row = _rows(tensor)
    # A head must be reordered as a whole, so slabs end between heads.
    group = n_rows // tensor.interleaved_heads if tensor.interleaved_heads else 1
    step = max(1, SLAB_VALUES // (group * n_per_row)) * group
    waiting: deque[Future[bytes]] = deque()
    with tensor.source.path.open("rb", buffering=0) as file:
        try:
            for start in range(0, n_rows, step):
                waiting.append(
                    pool.submit(_encode_slab, file.fileno(), tensor, start, min(n_rows, start + step), group)
                )
                if len(waiting) >= in_flight:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # The file must stay open until no thread reads it any more.
            for future in waiting:
                if not future.cancel():
                    future.exception()


def _rows(tensor: OutputTensor) -> tuple[int, int]:
    # A vector is a column: its values may be split anywhere, because vectors are never block-quantised.
    if len(tensor.shape) == 1:
        return tensor.shape[0], 1
    return prod(tensor.shape[:-1]), tensor.shape[-1]


def _encode_slab(fd: int, tensor: OutputTensor, start: int, stop: int, group: int) -> bytes:
    from autoglm_lite.native.quantize import encode_rows

    source = tensor.source
    assert source is not None
    raw = _read_rows(fd, source, start, stop, _rows(tensor)[1])
    if tensor.interleaved_heads:
        raw = interleave_halves(raw, group)
    values = widen(raw, source.type)
    _check(values, tensor, source)
    if tensor.type is source.type:
        return raw.tobytes()
    return encode_rows(tensor.type.ggml_id, values).tobytes()


def _read_rows(fd: int, source: SourceTensor, start: int, stop: int, n_per_row: int) -> npt.NDArray[np.generic]:
    import numpy as np

    row_bytes = n_per_row * source.type.block_bytes
    buffer = bytearray((stop - start) * row_bytes)
    view, done = memoryview(buffer), 0
    # Read rather than mapped: a file that shrinks meanwhile gives an error here, and SIGBUS there.
    while done < len(buffer):
        try:
            got = os.preadv(fd, [view[done:]], source.offset + start * row_bytes + done)
        except OSError as error:
            raise ConversionError(f"{source.path} cannot be read ({error.strerror}); check that disk.") from error
        if not got:
            raise ConversionError(f"{source.path} became shorter while it was read; leave it alone and convert again.")
        done += got
    kind = "<f4" if source.type is F32 else "<u2"
    return np.frombuffer(buffer, dtype=kind).reshape(stop - start, n_per_row)


def interleave_halves(rows: npt.NDArray[np.generic], group: int) -> npt.NDArray[np.generic]:
    """Reorders each `group` of rows (a head) from halves 0 1 2 … | a b c … to 0 a 1 b 2 c …

    Hugging Face rotates a head's two halves against each other, llama.cpp's `llama` architecture neighbours.
    """
    n_rows, n_per_row = rows.shape
    halves = rows.reshape(n_rows // group, 2, group // 2, n_per_row)
    interleaved: npt.NDArray[np.generic] = halves.swapaxes(1, 2).reshape(n_rows, n_per_row)
    return interleaved


def widen(raw: npt.NDArray[np.generic], kind: TensorType) -> npt.NDArray[np.float32]:
    """The values of `raw` (bit patterns for the 16-bit types) as C-contiguous F32; exact."""
    import numpy as np

    if kind is BF16:
        return (raw.astype(np.uint32) << 16).view(np.float32)
    if kind is F16:
        return raw.view("<f2").astype(np.float32)
    return np.ascontiguousarray(raw, dtype=np.float32)


def _check(values: npt.NDArray[np.float32], tensor: OutputTensor, source: SourceTensor) -> None:
    import numpy as np

    if not np.isfinite(values).all():
        raise ConversionError(
            f"tensor {source.name} in {source.path.name} holds NaN or infinity; the checkpoint is damaged, "
            "download it again."
        )
    limit = 0.0 if tensor.type is source.type else tensor.type.limit
    if limit and np.abs(values).max() >= limit:
        raise ConversionError(
            f"tensor {source.name} holds values beyond {tensor.type.name}'s range; convert with --type F32."
        )
