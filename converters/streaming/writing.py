"""A conversion written shard by shard, each piece to its place in the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Protocol

from converters import writer
from converters.conversion import Conversion, Resources, digest, printable_errors
from converters.files import Files
from converters.partial import Partial, partial_file
from converters.streaming.pieces import Batch, Order, offsets, row_bytes
from converters.tensors import OutputTensor, Slab, encode_slabs, prepare, slabs


class Shards(Protocol):
    """The shards of a checkpoint, of which few are here at a time."""

    def here(self, shard: Path) -> Path:
        """Where it lies whole and verified; waits for it. Raises DownloadError."""
        ...

    def soon(self, shard: Path) -> None:
        """It is the next one: it may come already where there is room for it beside what is here."""
        ...

    def done(self, shard: Path) -> None:
        """It is needed no more."""
        ...

    def state(self, shard: Path) -> str:
        """What decides its bytes."""
        ...


def identity(conversion: Conversion, shards: Shards) -> str:
    """As that of a folder's conversion, but of what the hub says of the shards: files here come and go."""
    return digest(conversion, shards.state)


def write_streamed(
    conversion: Conversion,
    order: Order,
    out: Path,
    resources: Resources,
    shards: Shards,
    on_progress: Callable[[int], None] = lambda _: None,
    publish: Callable[[Path, Path], object] = Path.replace,
) -> None:
    """Writes `conversion` to `out`; `on_progress` hears the bytes written.

    Work that was interrupted is gone on with, and kept when it is interrupted again. `out` appears only when it is
    whole. Raises ConversionError (HaltedError where work is kept), DownloadError.
    """
    with printable_errors():
        writer.check_target(out, 0)
        with partial_file(out, identity(conversion, shards), True, conversion.nbytes, publish) as partial:
            if not partial.n_done:
                partial.file.write(conversion.header)
                partial.finished(0, len(conversion.header))
                partial.write_note()
            prepare(conversion.draft.tensors)
            on_progress(partial.size)
            with ThreadPoolExecutor(resources.n_threads, thread_name_prefix="convert") as pool:
                _write_batches(conversion, order, partial, resources, pool, shards, on_progress)
            n_padding = sum(writer.padding(tensor.nbytes) for tensor in conversion.draft.tensors)
            if partial.size + n_padding != conversion.nbytes:
                raise AssertionError(f"{partial.size} bytes written where {conversion.nbytes - n_padding} were planned")


def _write_batches(
    conversion: Conversion,
    order: Order,
    partial: Partial,
    resources: Resources,
    pool: ThreadPoolExecutor,
    shards: Shards,
    on_progress: Callable[[int], None],
) -> None:
    first = 0
    for number, batch in enumerate(order.batches):
        last = first + len(batch.pieces)
        if partial.n_done < last:
            places = {} if batch.shard is None else {batch.shard: shards.here(batch.shard)}
            following = next((later.shard for later in order.batches[number + 1 :] if later.shard), None)
            if following is not None:
                shards.soon(following)
            with Files(places) as files:
                _write_batch(conversion, batch, first, partial, resources, pool, files, on_progress)
            # The shard goes only when the disk has what was made of it.
            partial.write_note()
        if batch.shard is not None:
            shards.done(batch.shard)
        first = last


def _write_batch(
    conversion: Conversion,
    batch: Batch,
    first: int,
    partial: Partial,
    resources: Resources,
    pool: ThreadPoolExecutor,
    files: Files,
    on_progress: Callable[[int], None],
) -> None:
    """`first`: pieces of the batches before."""
    tensors = conversion.draft.tensors
    begins = offsets(tensors, len(conversion.header))
    pieces = batch.pieces[partial.n_done - first :]
    first, size = partial.n_done, partial.size

    def work() -> Iterator[tuple[int, OutputTensor, Slab]]:
        for number, piece in enumerate(pieces):
            tensor = tensors[piece.number]
            for slab in slabs(tensor, resources.slab_values, piece.start, piece.stop):
                yield number, tensor, slab

    at = -1
    with closing(encode_slabs(work(), files, pool, resources.n_threads + 1)) as blocks:
        for number, block in blocks:
            if number != at:
                if at >= 0:
                    partial.finished(first + number, size)
                at, piece = number, pieces[number]
                partial.file.seek(begins[piece.number] + piece.start * row_bytes(tensors[piece.number]))
            partial.file.write(block)
            size += len(block)
            on_progress(size)
    partial.finished(first + len(pieces), size)
