"""In which order a checkpoint is converted of which one shard at a time is here.

The tensors of a GGUF file do not stand in the order of the shards: the output matrix, which is first, is in the last
shard as a rule. So each is written to its own place in the result as soon as its shard is here. One that is put
together from several shards, such as the experts of a layer, is written in pieces, each from one shard; what else a
piece needs, as the scales of an FP8 matrix that ended up in the next shard, is small and fetched apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from converters.checkpoint import SourceTensor
from converters.rows import n_per_row, n_rows
from converters.tensors import OutputTensor
from converters.writer import padding


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows from `start` to `stop` of the tensor `number` of the result."""

    number: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is converted while `shard` is here; None: what no shard is needed for."""

    shard: Path | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """All pieces of the result, shard by shard, and the tensors that are needed while their own shard is not here."""

    batches: tuple[Batch, ...]
    apart: tuple[SourceTensor, ...]

    @property
    def shards(self) -> list[Path]:
        """Those that are needed, in the order in which they are."""
        return [batch.shard for batch in self.batches if batch.shard is not None]


def order_of(tensors: Sequence[OutputTensor]) -> Order:
    """The pieces of `tensors`, those of each shard in the order of the result; shards by their names."""
    found: dict[Path | None, list[Piece]] = {}
    apart: dict[tuple[Path, str], SourceTensor] = {}
    for number, tensor in enumerate(tensors):
        for shard, start, stop in _runs(tensor):
            found.setdefault(shard, []).append(Piece(number, start, stop))
            for source in tensor.rows.read_for(start, stop):
                if source.path != shard:
                    apart[source.path, source.name] = source
    shards = sorted(found, key=lambda shard: (shard is not None, str(shard)))
    return Order(tuple(Batch(shard, tuple(found[shard])) for shard in shards), tuple(apart.values()))


def offsets(tensors: Sequence[OutputTensor], header_bytes: int) -> list[int]:
    """Where each tensor's data begins in the file."""
    found, offset = [], header_bytes
    for tensor in tensors:
        found.append(offset)
        offset += tensor.nbytes + padding(tensor.nbytes)
    return found


def row_bytes(tensor: OutputTensor) -> int:
    """Bytes of a row in the file."""
    return tensor.type.nbytes((n_per_row(tensor.rows),))


def _runs(tensor: OutputTensor) -> Iterator[tuple[Path | None, int, int]]:
    """The rows of `tensor`, cut where another shard holds most of what they are made of."""
    total = n_rows(tensor.rows)
    shards = {source.path for source in tensor.rows.sources}
    if len(shards) <= 1:
        yield next(iter(shards), None), 0, total
        return
    # Rows of one expert have one source, and a matrix has one for all.
    each = total // tensor.shape[0]
    start, now = 0, _home(tensor, 0, each)
    for first in range(each, total, each):
        if (home := _home(tensor, first, first + each)) != now:
            yield now, start, first
            start, now = first, home
    yield now, start, total


def _home(tensor: OutputTensor, start: int, stop: int) -> Path:
    n_bytes: Counter[Path] = Counter()
    for source in tensor.rows.read_for(start, stop):
        n_bytes[source.path] += source.nbytes
    return _most(n_bytes)


def _most(n_bytes: Mapping[Path, int]) -> Path:
    return min(n_bytes, key=lambda path: (-n_bytes[path], str(path)))
