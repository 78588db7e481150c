"""A whole conversion: planned from headers and small files alone, then written tensor by tensor."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite import __version__
from autoglm_lite.errors import ConversionError, UsageError
from converters import writer
from converters.draft import Draft, draft_checkpoint
from converters.files import Files
from converters.gguf_source import draft_gguf, is_gguf
from converters.layers import drop_layers
from converters.partial import held, partial_file
from converters.quantisation import network, quantised
from converters.tensors import SLAB_VALUES, encode
from converters.types import TensorType
from converters.wishes import Wishes

BYTES_OF_PROCESS = 160 << 20
"""What a conversion takes beside its slabs: Python, numpy, ggml's tables, the vocabulary."""

BYTES_PER_VALUE = 20
"""Of one value on its way: as stored, as F32, while checked, encoded."""

LEAST_SLAB = 1 << 14


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion will write, known before any tensor is read."""

    draft: Draft
    wishes: Wishes
    header: bytes

    @property
    def nbytes(self) -> int:
        """Bytes of the GGUF file."""
        return writer.file_bytes(len(self.header), self.draft.tensors)


@dataclass(frozen=True, slots=True)
class Resources:
    """What a conversion may use: threads, and bytes of memory (None: as it likes, some 20 MB for each thread)."""

    n_threads: int
    memory: int | None = None

    @property
    def slab_values(self) -> int:
        """Values that a thread may hold at a time; raises UsageError when the memory is too little."""
        if self.memory is None:
            return SLAB_VALUES
        values = (self.memory - BYTES_OF_PROCESS) // BYTES_PER_VALUE // (self.n_threads + 2)
        if values < LEAST_SLAB:
            least = BYTES_OF_PROCESS + LEAST_SLAB * BYTES_PER_VALUE * (self.n_threads + 2)
            raise UsageError(
                f"--memory is too little: a conversion on {self.n_threads} threads takes {-(-least // 1000000)} MB."
            )
        return min(values, SLAB_VALUES)


def draft_of(source: Path, wishes: Wishes) -> Draft:
    """The 16-bit model behind `source`, layers still whole; raises ConversionError."""
    with printable_errors():
        if not is_gguf(source):
            return draft_checkpoint(source, wishes.file_type, wishes.mmproj)
        if wishes.mmproj:
            raise ConversionError(f"{source} is a GGUF file; --mmproj needs the folder of the checkpoint.")
        return draft_gguf(source)


def plan_conversion(draft: Draft, wishes: Wishes, types: dict[str, TensorType] | None = None) -> Conversion:
    """What converting the model behind `draft` will write; no tensor's data is read. Raises ConversionError.

    `types` gives every tensor's type by its name in the result, where something better than a mixture chose them.
    """
    with printable_errors():
        model = network(draft)
        if wishes.drop_layers:
            draft = drop_layers(draft, wishes.drop_layers)
        chosen = types is not None or wishes.output_type or wishes.embedding_type or wishes.drop_layers
        if wishes.file_type.quantised or chosen or not draft.source.is_dir():
            draft = quantised(draft, model, wishes, types)
        return Conversion(draft, wishes, writer.header(draft.keys, draft.tensors))


def write_conversion(
    conversion: Conversion,
    out: Path,
    resources: Resources,
    on_progress: Callable[[int, int], None] | None = None,
    resume: bool = False,
    publish: Callable[[Path, Path], object] = Path.replace,
) -> None:
    """Writes `conversion` to `out`; `on_progress` hears bytes written and bytes in all.

    `out` appears, or is replaced, only when it is whole, by `publish`. Raises ConversionError; nothing is left behind
    then. With `resume`, work that was interrupted is gone on with, and kept when it is interrupted again.
    """
    with printable_errors():
        _refuse_itself(conversion.draft, out)
        writer.check_target(out, max(conversion.nbytes - held(out), 0))
        _write(conversion, out, resources, on_progress, resume, publish)


def _write(
    conversion: Conversion,
    out: Path,
    resources: Resources,
    on_progress: Callable[[int, int], None] | None,
    resume: bool,
    publish: Callable[[Path, Path], object],
) -> None:
    tensors, total = conversion.draft.tensors, conversion.nbytes
    slab_values = resources.slab_values
    with partial_file(out, identity(conversion), resume, publish=publish) as partial:
        file = partial.file
        if not file.tell():
            file.write(conversion.header)
        done, first = file.tell(), partial.n_done
        # Work is done from the first tensor that is not whole; one slab beyond the threads waits ready.
        with (
            Files() as files,
            ThreadPoolExecutor(resources.n_threads, thread_name_prefix="convert") as pool,
            closing(encode(tensors[first:], files, pool, resources.n_threads + 1, slab_values)) as blocks,
        ):
            left = [tensor.nbytes for tensor in tensors[first:]]
            for number, block in blocks:
                file.write(block)
                left[number] -= len(block)
                done += len(block)
                if not left[number]:
                    pad = writer.padding(tensors[first + number].nbytes)
                    file.write(bytes(pad))
                    done += pad
                    partial.finished(first + number + 1)
                if on_progress:
                    on_progress(done, total)
        if done != total:
            raise AssertionError(f"{done} bytes written where {total} were planned")


def identity(conversion: Conversion) -> str:
    """A digest of all that decides the bytes of the result: its header, its sources as they are now, our version."""
    return digest(conversion, _state)


def digest(conversion: Conversion, state: Callable[[Path], str]) -> str:
    """As `identity`, with what `state` says of each file that is read."""
    found = hashlib.sha256(__version__.encode())
    found.update(conversion.header)
    paths = {source.path for tensor in conversion.draft.tensors for source in tensor.rows.sources}
    for path in sorted(paths):
        found.update(state(path).encode("utf-8", "surrogateescape"))
    for tensor in conversion.draft.tensors:
        found.update(tensor.base.name.encode())
        if tensor.importance is not None:
            found.update(tensor.importance.tobytes())
    return found.hexdigest()


def _state(path: Path) -> str:
    found = path.stat()
    return f"{path}\0{found.st_size}\0{found.st_mtime_ns}\0"


def _refuse_itself(draft: Draft, out: Path) -> None:
    if out.exists() and draft.source.is_file() and out.samefile(draft.source):
        raise ConversionError(f"{out} is the file that is read; give another name with -o.")


@contextmanager
def printable_errors() -> Iterator[None]:
    """Keeps what a checkpoint says, such as a tensor's name, from breaking the line or steering the terminal."""
    try:
        yield
    except ConversionError as error:
        text = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in str(error)[:800])
        raise type(error)(text) from error
    except OSError as error:
        # What no closer place has explained, such as a folder that vanishes meanwhile.
        raise ConversionError(f"{error.filename or 'a file'!s} cannot be used: {error.strerror or error}.") from error
