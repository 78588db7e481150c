"""Importance matrices: for each weight, how strongly each of its input columns is used on a text.

The files are llama-imatrix's (tools/imatrix/imatrix.cpp of llama.cpp): a GGUF with two F32 tensors for each weight,
the sums of the squared inputs and the number of tokens in them. The older form without a header is read too.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.header import Header, TensorInfo, damaged, quoted
from autoglm_lite.gguf.reader import DEFAULT_ALIGNMENT, MAGIC, MAX_NAME_BYTES, read_header
from autoglm_lite.gguf.values import ValueType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SUMS = ".in_sum2"
COUNTS = ".counts"
DATASETS = "imatrix.datasets"
CHUNK_COUNT = "imatrix.chunk_count"
CHUNK_SIZE = "imatrix.chunk_size"

MAX_FILE_BYTES = 4 << 30
"""A mixture of 256 experts with 60 layers takes 1 GB."""
MAX_LEGACY_ENTRIES = 1 << 16
MAKE_ONE = "make one with `autoglm-lite imatrix`"

_I32 = struct.Struct("<i")


@dataclass(frozen=True, slots=True)
class InputSums:
    """What the matrix multiplications by one weight have seen; a weight of stacked experts counts each alone."""

    squares: npt.NDArray[np.float32]
    """(n_matrices, n_columns): sums over tokens of the squared inputs."""
    counts: npt.NDArray[np.int64]
    """Tokens that went through each: (n_matrices,), or (1,) where all have seen the same number."""


@dataclass(frozen=True, slots=True)
class Importance:
    """An importance matrix as llama-quantize uses it."""

    weights: Mapping[str, npt.NDArray[np.float32]]
    """By the name of the weight, the mean square of each input column, experts one after the other:
    (n_matrices * n_columns,). An expert that no token reached has ones."""
    datasets: tuple[str, ...]
    """Names of the texts it was made from."""
    n_chunks: int
    path: Path


def read_importance(path: Path) -> Importance:
    """Reads a file of llama-imatrix or of ours.

    The weights are those that llama-quantize derives (load_imatrix in tools/quantize/quantize.cpp), to the last bit.
    Raises ModelFileError for anything that is no sound importance matrix.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return _read_legacy(file, path)
    except FileNotFoundError:
        raise ModelFileError(f"There is no file {path}; check the path.") from None
    except IsADirectoryError:
        raise ModelFileError(f"{path} is a folder; give the path of an importance matrix.") from None
    except (OSError, ValueError) as error:
        raise ModelFileError(f"{quoted(str(path))} cannot be read ({error}); check the path and the disk.") from error
    header = read_header(path)
    if header.file_bytes > MAX_FILE_BYTES or any(key not in header.metadata for key in _KEYS):
        raise _no_matrix(path)
    datasets = header.strings(DATASETS) or ()
    header.u32(CHUNK_SIZE)
    return Importance(
        weights={name: _mean_squares(name, sums, path) for name, sums in _read_sums(header)},
        datasets=tuple(name.decode("utf-8", "replace") for name in datasets),
        n_chunks=header.u32(CHUNK_COUNT) or 0,
        path=path,
    )


def write_importance(
    file: BinaryIO, sums: Mapping[str, InputSums], *, dataset: str, n_chunks: int, chunk_size: int
) -> None:
    """Writes what llama-imatrix would, to the byte; `chunk_size` in tokens. Raises OSError."""
    import numpy as np

    tensors: list[tuple[str, npt.NDArray[np.float32]]] = []
    for name in sorted(sums, key=str.encode):
        tensors.append((name + SUMS, sums[name].squares))
        tensors.append((name + COUNTS, sums[name].counts[:, None].astype(np.float32)))
    keys = [
        _text("general.type") + struct.pack("<I", ValueType.STRING) + _text("imatrix"),
        _text(DATASETS) + struct.pack("<IIQ", ValueType.ARRAY, ValueType.STRING, 1) + _text(dataset),
        *(
            _text(key) + struct.pack("<II", ValueType.UINT32, number)
            for key, number in ((CHUNK_COUNT, n_chunks), (CHUNK_SIZE, chunk_size))
        ),
    ]
    parts = [MAGIC, struct.pack("<IQQ", 3, len(tensors), len(keys)), *keys]
    offset = 0
    for name, values in tensors:
        # GGUF leaves out trailing dimensions of 1 and counts from the innermost.
        shape = values.shape[::-1] if len(values) > 1 else values.shape[:0:-1]
        parts.append(_text(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape) + struct.pack("<IQ", 0, offset))
        offset += values.nbytes + _padding(values.nbytes)
    header = b"".join(parts)
    file.write(header + bytes(_padding(len(header))))
    for _, values in tensors:
        file.write(values.astype("<f4").tobytes() + bytes(_padding(values.nbytes)))


_KEYS = (DATASETS, CHUNK_COUNT, CHUNK_SIZE)


def _read_sums(header: Header) -> Iterator[tuple[str, InputSums]]:
    import numpy as np

    by_name = {tensor.name: tensor for tensor in header.tensors}
    names = {name.removesuffix(suffix) for suffix in (SUMS, COUNTS) for name in by_name if name.endswith(suffix)}
    if not names:
        raise damaged(header.path, "it holds no importance of any weight")
    with header.path.open("rb") as file:
        for name in sorted(names):
            squares, counts = by_name.get(name + SUMS), by_name.get(name + COUNTS)
            if squares is None or counts is None:
                raise damaged(header.path, f"{quoted(name)} has sums or counts only")
            if squares.type.name != "F32" or counts.type.name != "F32":
                raise damaged(header.path, f"the sums or counts of {quoted(name)} are not F32")
            if squares.n_values % counts.n_values:
                raise damaged(
                    header.path, f"{quoted(name)} has {squares.n_values:,} sums for {counts.n_values:,} counts"
                )
            tokens = _read_tensor(file, header, counts)
            if not np.isfinite(tokens).all() or (tokens < 0).any() or (tokens >= 2.0**63).any():
                raise damaged(header.path, f"the counts of {quoted(name)} are no counts")
            rounded = np.floor(tokens.astype(np.float64) + 0.5).astype(np.int64)
            yield name, InputSums(_read_tensor(file, header, squares).reshape(counts.n_values, -1), rounded)


def _read_tensor(file: BinaryIO, header: Header, tensor: TensorInfo) -> npt.NDArray[np.float32]:
    import numpy as np

    file.seek(header.data_offset + tensor.offset)
    data = file.read(tensor.n_bytes)
    if len(data) != tensor.n_bytes:
        raise damaged(header.path, "it was changed while it was read")
    return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=False)


def _mean_squares(name: str, sums: InputSums, path: Path) -> npt.NDArray[np.float32]:
    import numpy as np

    squares = _sound(name, sums.squares, path)
    counts = sums.counts.astype(np.float32)[:, None]
    means: npt.NDArray[np.float32] = np.where(counts > 0, squares / np.maximum(counts, np.float32(1)), np.float32(1))
    return means.ravel()


def _sound(name: str, squares: npt.NDArray[np.float32], path: Path) -> npt.NDArray[np.float32]:
    import numpy as np

    if not np.isfinite(squares).all() or (squares < 0).any():
        raise damaged(path, f"the importance of {quoted(name)} has values that no sum of squares can have")
    return squares


def _read_legacy(file: BinaryIO, path: Path) -> Importance:
    """The form before GGUF: a count of entries, then name, number of calls and sums of each, then the text's name."""
    import os

    import numpy as np

    file_bytes = os.fstat(file.fileno()).st_size
    file.seek(0)

    def take(n_bytes: int) -> bytes:
        # Checked first: a length that the file claims may be any number.
        if not 0 <= n_bytes <= file_bytes - file.tell():
            raise _no_matrix(path)
        return file.read(n_bytes)

    def number() -> int:
        return int(_I32.unpack(take(_I32.size))[0])

    n_entries = number()
    if not 1 <= n_entries <= MAX_LEGACY_ENTRIES:
        raise _no_matrix(path)
    weights: dict[str, npt.NDArray[np.float32]] = {}
    for _ in range(n_entries):
        n_name = number()
        if not 1 <= n_name <= MAX_NAME_BYTES:
            raise _no_matrix(path)
        try:
            name = take(n_name).decode("utf-8")
        except UnicodeDecodeError:
            raise _no_matrix(path) from None
        n_calls, n_values = number(), number()
        if n_values < 1:
            raise _no_matrix(path)
        values = _sound(name, np.frombuffer(take(4 * n_values), dtype="<f4").astype(np.float32, copy=False), path)
        weights[name] = values / np.float32(n_calls) if n_calls > 0 else values
    n_chunks = number() if file.tell() < file_bytes else 0
    dataset = take(number()).decode("utf-8", "replace") if file.tell() < file_bytes else ""
    return Importance(weights, (dataset,) if dataset else (), max(n_chunks, 0), path)


def _no_matrix(path: Path) -> ModelFileError:
    return ModelFileError(f"{path} is no importance matrix: {MAKE_ONE}.")


def _text(text: str) -> bytes:
    raw = text.encode("utf-8", "surrogateescape")
    return struct.pack("<Q", len(raw)) + raw


def _padding(n_bytes: int) -> int:
    return -n_bytes % DEFAULT_ALIGNMENT
