"""Whether a stored file still is what it was: all of it, or a few blocks in the time that nobody notices."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

BLOCK_BYTES = 4096
"""A page of the disk's cache: the least that a disk reads."""
N_BLOCKS = 32
PIECE_BYTES = 1 << 20

Samples = tuple[tuple[int, str], ...]


def offsets(n_bytes: int) -> list[int]:
    """Of the blocks that stand for a file of this size: the first, the last and one in each of equal parts between, at
    a place that depends on the size alone."""
    last = max(0, n_bytes - 1) // BLOCK_BYTES
    if last < N_BLOCKS:
        return [BLOCK_BYTES * block for block in range(last + 1)]
    inner, found = N_BLOCKS - 2, {0, last}
    for part in range(inner):
        begin, end = (1 + (last - 1) * side // inner for side in (part, part + 1))
        found.add(begin + int.from_bytes(_digest(f"{n_bytes} {part}".encode()), "big") % (end - begin))
    return [BLOCK_BYTES * block for block in sorted(found)]


def sampled(path: Path) -> Samples:
    """Offsets and digests of the blocks that `offsets` names. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        places = offsets(os.fstat(descriptor).st_size)
        return tuple(zip(places, _digests(descriptor, places), strict=True))
    finally:
        os.close(descriptor)


def is_as_sampled(path: Path, samples: Samples) -> bool:
    """Whether each of the blocks is what it was: about 10 ms on a disk that has to read them. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _digests(descriptor, [offset for offset, _ in samples]) == [digest for _, digest in samples]
    finally:
        os.close(descriptor)


def sha256_of(path: Path, on_progress: Callable[[int, int], object] = lambda done, total: None) -> str:
    """Of the whole file; `on_progress` gets bytes done and in all. Raises OSError."""
    digest, done = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        total = os.fstat(file.fileno()).st_size
        with suppress(AttributeError, OSError):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
            done += len(piece)
            on_progress(done, total)
    return digest.hexdigest()


def _digests(descriptor: int, places: Sequence[int]) -> list[str]:
    with suppress(AttributeError, OSError, OverflowError):
        # All are asked for at once, and nothing around them: the disk reads them in the order that suits it.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        for place in places:
            os.posix_fadvise(descriptor, place, BLOCK_BYTES, os.POSIX_FADV_WILLNEED)
    return [_digest(os.pread(descriptor, BLOCK_BYTES, place)).hex() for place in places]


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=8).digest()
