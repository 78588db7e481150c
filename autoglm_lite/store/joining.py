"""The parts of a split GGUF become one file: the bytes that llama.cpp's `llama-gguf-split --merge` writes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from autoglm_lite.errors import ModelFileError, StoreError
from autoglm_lite.gguf.cursor import cut_short
from autoglm_lite.gguf.header import Header
from autoglm_lite.gguf.parts import check_rest, join_headers, padded, whole_bytes
from autoglm_lite.gguf.reader import read_header, read_header_of
from autoglm_lite.replacing import sync_folder
from autoglm_lite.store.publishing import NO_ROOM

PIECE_BYTES = 1 << 20
RESERVE_BYTES = 100_000_000
"""Of the disk, left to others."""
_ENDLESS = 1 << 60
"""Bytes that a file might have of which only the header is looked at."""

OnProgress = Callable[[int, int], object]
"""Gets the bytes that are written and those of the whole file."""


def join(
    parts: Sequence[Path],
    out: Path,
    on_progress: OnProgress = lambda *_: None,
    *,
    give_up: bool = False,
    identity: str = "",
) -> None:
    """Makes `out` of all `parts`, in their order: it is whole on the disk, or not there.

    The parts stay, so that `out` needs as much room again, unless `give_up`: then each is removed once the disk has
    what it held, so that room for the longest part is enough. An interruption leaves what the parts that are gone
    held, and the next call with the same arguments goes on from there (see `joined_already`); where none is gone it
    starts again. `identity` says what the parts are, such as their checksums: what was begun of another one is not
    gone on with. Memory: one MB beside the headers.

    Raises ModelFileError with what is wrong with the parts, and StoreError where the disk is full or cannot be
    written, or another process joins the same.
    """
    begun = _begun(out, identity)
    try:
        with _opened(begun, out) as file:
            try:
                _write(_begin(file, parts, out, give_up=give_up), on_progress)
                begun.replace(out)
            except BaseException:
                # With a part gone, it is all that is left of what that one held.
                if not give_up or not _missing(parts) or not os.fstat(file.fileno()).st_size:
                    begun.unlink(missing_ok=True)
                raise
        sync_folder(out.parent)
        if give_up:
            parts[-1].unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(error, out) from error


def joined_already(parts: Sequence[Path], out: Path, identity: str = "") -> int:
    """How many of the first parts need not be there for `join` with `give_up`: those that it had given up when it was
    interrupted."""
    missing = _missing(parts)
    return missing if missing < len(parts) and _begun(out, identity).is_file() else 0


@dataclass(frozen=True, slots=True)
class _Work:
    file: BinaryIO
    header: Header
    """Of the one file, which has it already."""
    parts: tuple[tuple[Path, Header], ...]
    """Those that are not in it yet."""
    out: Path
    give_up: bool

    @property
    def place(self) -> int:
        """Bytes of the file that are there already."""
        n_done = len(self.header.tensors) - sum(len(header.tensors) for _, header in self.parts)
        rest = self.header.tensors[n_done:]
        return self.header.data_offset + rest[0].offset if rest else whole_bytes(self.header)


def _begin(file: BinaryIO, parts: Sequence[Path], out: Path, *, give_up: bool) -> _Work:
    """Goes on with what is in `file` where parts were given up, or writes the header."""
    missing = _missing(parts) if give_up else 0
    if missing == len(parts) or not file.seek(0, os.SEEK_END):
        missing = 0
    left = tuple((path, read_header(path, parts=True)) for path in parts[missing:])
    headers = [header for _, header in left]
    if missing:
        file.seek(0)
        whole = read_header_of(file, _ENDLESS, out)
        check_rest(whole, headers, missing)
        work = _Work(file, whole, left, out, give_up)
        if file.seek(0, os.SEEK_END) < work.place:
            raise StoreError(f"What was joined of {out} is damaged: get all its parts again.")
        _check_room(work)
        os.ftruncate(file.fileno(), work.place)
        file.seek(work.place)
        return work
    joined = join_headers(headers)
    work = _Work(file, joined.header, left, out, give_up)
    os.ftruncate(file.fileno(), 0)
    _check_room(work)
    file.seek(0)
    _put(file, joined.start)
    with parts[0].open("rb") as source:
        for begin, end in joined.kept:
            source.seek(begin)
            for piece in _pieces(source, end - begin, parts[0]):
                _put(file, piece)
    _put(file, joined.added)
    return work


def _write(work: _Work, on_progress: OnProgress) -> None:
    place, total = work.place, whole_bytes(work.header)
    for i, (path, header) in enumerate(work.parts, 1):
        with path.open("rb") as source:
            for tensor in header.tensors:
                source.seek(header.data_offset + tensor.offset)
                for piece in _pieces(source, tensor.n_bytes, path):
                    _put(work.file, piece)
                    place += len(piece)
                    on_progress(place, total)
                n_zeros = padded(tensor.n_bytes, work.header.alignment) - tensor.n_bytes
                _put(work.file, bytes(n_zeros))
                place += n_zeros
        os.fsync(work.file.fileno())
        if work.give_up and i < len(work.parts):
            # The disk has to know the new file before it forgets the part.
            sync_folder(work.out.parent)
            path.unlink()


def _pieces(source: BinaryIO, n_bytes: int, path: Path) -> Iterator[bytes]:
    while n_bytes:
        try:
            piece = source.read(min(n_bytes, PIECE_BYTES))
        except OSError as error:
            raise ModelFileError(f"{path} cannot be read ({error.strerror}); check the disk.") from error
        if not piece:
            raise cut_short(path)
        n_bytes -= len(piece)
        yield piece


def _put(file: BinaryIO, piece: bytes) -> None:
    """A disk that is nearly full takes a part of it first."""
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(file.fileno(), rest) :]


@contextmanager
def _opened(begun: Path, out: Path) -> Iterator[BinaryIO]:
    """The file, which is ours alone while it is open."""
    descriptor = os.open(begun, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        try:
            import fcntl
        except ImportError:  # pragma: no cover
            yield file
            return
        taken = StoreError(f"Another autoglm-lite is joining the parts of {out.stem} already: wait for it.")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise taken from None
        # Whoever held it may have finished, and then this file is the model.
        if not begun.exists() or begun.stat().st_ino != os.fstat(descriptor).st_ino:
            raise taken
        yield file


def _begun(out: Path, identity: str) -> Path:
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    return out.with_name(f"{out.name}.{digest}.joining")


def _missing(parts: Sequence[Path]) -> int:
    """How many of the first parts are not there."""
    return next((i for i, path in enumerate(parts) if path.exists()), len(parts))


def _check_room(work: _Work) -> None:
    """Raises ModelFileError where the disk has too little for what is to come."""
    needed = whole_bytes(work.header) - work.place
    if work.give_up:
        needed = min(needed, max((header.file_bytes for _, header in work.parts), default=0))
    free = shutil.disk_usage(work.out.parent).free
    if needed + RESERVE_BYTES > free:
        raise _full(work.out, needed + RESERVE_BYTES, free)


def _full(out: Path, needed: int, free: int) -> StoreError:
    return StoreError(
        f"The disk has too little room to join the parts of {out.stem}: {needed / 1e6:,.0f} MB are needed and"
        f" {free / 1e6:,.0f} MB are free; make room and go on."
    )


def _unwritable(error: OSError, out: Path) -> StoreError:
    if error.errno in NO_ROOM:
        return StoreError(f"The disk became full while the parts of {out.stem} were joined: make room and go on.")
    return StoreError(f"The parts of {out.stem} cannot be joined in {out.parent} ({error.strerror}): check it.")
