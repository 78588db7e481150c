"""One tensor on its way: read in slabs, checked, rounded, encoded, with bounded memory on all cores."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoglm_lite.errors import ConversionError
from converters.files import Files
from converters.numbers import round_to
from converters.rows import Rows, Stored, n_per_row, n_rows
from converters.types import F16, F32, LIMITS, TensorType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SLAB_VALUES = 1 << 20
"""Values that one thread holds at a time: 4 MB as F32, and about 12 MB with its source and result."""


@dataclass(frozen=True, slots=True)
class OutputTensor:
    """One tensor of the GGUF file, outermost dimension first."""

    name: str
    rows: Rows
    base: TensorType
    """Its type in the 16-bit file that convert_hf_to_gguf would write: values are rounded to it first."""
    type: TensorType
    importance: npt.NDArray[np.float32] | None = None
    """How much each column counts, (n_expert, n_per_row)."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape

    @property
    def nbytes(self) -> int:
        """Bytes in the GGUF file, without padding."""
        return self.type.nbytes(self.shape)


@dataclass(frozen=True, slots=True)
class Slab:
    """Some rows of a tensor, all of one expert where an importance matrix tells experts apart."""

    start: int
    stop: int
    expert: int


def slabs(tensor: OutputTensor, slab_values: int = SLAB_VALUES, begin: int = 0, end: int | None = None) -> list[Slab]:
    """The rows of `tensor` from `begin` to `end` in order, `slab_values` values at a time (always a whole row)."""
    rows, wide = n_rows(tensor.rows), n_per_row(tensor.rows)
    step = max(1, slab_values // max(wide, 1))
    n_expert = 1 if tensor.importance is None else tensor.importance.shape[0]
    each, end = rows // n_expert, rows if end is None else end
    found = []
    for expert in range(n_expert):
        last = min((expert + 1) * each, end)
        starts = range(max(expert * each, begin), last, step)
        found += [Slab(start, min(start + step, last), expert) for start in starts]
    return found


def encode(
    tensors: Sequence[OutputTensor],
    files: Files,
    pool: ThreadPoolExecutor,
    in_flight: int,
    slab_values: int = SLAB_VALUES,
) -> Generator[tuple[int, bytes], None, None]:
    """The bytes of `tensors` in order, each piece with its tensor's number; at most `in_flight` slabs at a time.

    Raises ConversionError when a source is cut short, holds NaN or infinity, or overflows the type.
    """
    prepare(tensors)
    work = ((number, tensor, slab) for number, tensor in enumerate(tensors) for slab in slabs(tensor, slab_values))
    yield from encode_slabs(work, files, pool, in_flight)


def encode_slabs(
    work: Iterable[tuple[int, OutputTensor, Slab]], files: Files, pool: ThreadPoolExecutor, in_flight: int
) -> Generator[tuple[int, bytes], None, None]:
    """As `encode`: each slab of `work` with the number before it. `prepare` is to be called first."""
    waiting: deque[tuple[int, Future[bytes]]] = deque()
    try:
        for number, tensor, slab in work:
            waiting.append((number, pool.submit(encode_slab, tensor, files, slab)))
            if len(waiting) >= in_flight:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        # The files must stay open until no thread reads them any more.
        for _, future in waiting:
            if not future.cancel():
                future.exception()


def prepare(tensors: Sequence[OutputTensor]) -> None:
    """Has ggml make its tables for the types of `tensors`, before several threads want them."""
    kinds = {tensor.type for tensor in tensors if tensor.type.quantised}
    if kinds:
        from converters.ggml import prepare

        for kind in kinds:
            prepare(kind.ggml_id)


def encode_slab(tensor: OutputTensor, files: Files, slab: Slab) -> bytes:
    """The encoded bytes of some rows; raises ConversionError as `encode` does."""
    rows = tensor.rows
    if isinstance(rows, Stored) and rows.source.type is tensor.type and tensor.type.quantised:
        return _copy(tensor, rows, files, slab)
    values = read_values(tensor, files, slab)
    if tensor.type is F32:
        return values.astype("<f4", copy=False).tobytes()
    if tensor.type is F16:
        return values.astype("<f2").tobytes()
    from converters.ggml import encode_rows, sound_rows

    importance = None if tensor.importance is None else tensor.importance[slab.expert]
    encoded = encode_rows(tensor.type.ggml_id, values, importance)
    if not sound_rows(tensor.type.ggml_id, encoded):
        raise ConversionError(
            f"tensor {tensor.name} holds values beyond {tensor.type.name}'s range; choose a larger --type."
        )
    return encoded.tobytes()


def read_values(tensor: OutputTensor, files: Files, slab: Slab) -> npt.NDArray[np.float32]:
    """The rows of `slab` as the 16-bit file would hold them, C-contiguous F32 (n_rows, n_per_row)."""
    import numpy as np

    values = np.ascontiguousarray(tensor.rows.read(files, slab.start, slab.stop), dtype=np.float32)
    if not np.isfinite(values).all():
        source = next(tensor.rows.sources, None)
        where = f"{source.name} in {source.path.name}" if source else tensor.name
        raise ConversionError(f"tensor {where} holds NaN or infinity; the checkpoint is damaged, download it again.")
    for kind in {tensor.base, tensor.type} & LIMITS.keys():
        if kind is not tensor.rows.exact and values.size and np.abs(values).max() >= LIMITS[kind]:
            raise ConversionError(f"tensor {tensor.name} holds values beyond {kind.name}'s range; use --type F32.")
    if tensor.base not in (F32, tensor.rows.exact):
        values = round_to(tensor.base, values)
    return values


def _copy(tensor: OutputTensor, rows: Stored, files: Files, slab: Slab) -> bytes:
    import numpy as np

    from converters.ggml import sound_rows

    raw = rows.raw(files, slab.start, slab.stop)
    if not sound_rows(tensor.type.ggml_id, np.frombuffer(raw, dtype=np.uint8)):
        raise ConversionError(f"tensor {tensor.name} holds NaN or infinity; the file is damaged, download it again.")
    return bytes(raw)
