"""How far the loading of a model is, as a share of its time: pure, so that each course can be tested."""

from __future__ import annotations

BLOCK_BYTES = 8 << 20
"""The least whose speed says something: a disk delivers in bursts."""
CACHED_BYTES = 2e9
"""A second. What comes faster was in memory already and says nothing about the disk."""
COPY_BYTES = 1e9
"""A second, of what llama.cpp does with a file that is in memory, until that can be seen: mapping all of it and copying
about half. Measured 1.1e9 on two cores."""
MEMORY = 0.9
"""What the speed so far counts beside the last block: about the last hundred megabytes count."""


class LoadShare:
    """First the file is read, which is told in bytes, then its tensors are made, which llama.cpp tells as a share. What
    is told here never falls, and grows evenly where the disk is even."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._share = 0.0
        self._read_share: float | None = None
        """What was told when the tensors began."""
        self._done, self._at = 0, 0.0
        """Where the last block ended."""
        self._bytes, self._seconds = 0.0, 0.0
        """Of the blocks that came from the disk, the latest counting most."""

    def read(self, done: int, seconds: float) -> float:
        """The share, when `done` bytes were read `seconds` after the beginning."""
        n_bytes, took = done - self._done, seconds - self._at
        from_disk = n_bytes < took * CACHED_BYTES
        if n_bytes >= BLOCK_BYTES:
            self._done, self._at = done, seconds
            if from_disk:
                self._bytes = MEMORY * self._bytes + n_bytes
                self._seconds = MEMORY * self._seconds + took
            n_bytes, took = 0, 0.0
        elif not from_disk:
            n_bytes, took = 0, 0.0
        came = self._bytes + n_bytes
        speed = came / (self._seconds + took) if came else CACHED_BYTES
        left = (self.n_bytes - done) / speed + self.n_bytes / COPY_BYTES
        return self._told(seconds / (seconds + left) if seconds > 0 else 0.0)

    def made(self, share: float) -> float:
        """The share, when llama.cpp has made `share` of the tensors."""
        if self._read_share is None:
            self._read_share = self._share
        return self._told(self._read_share + (1.0 - self._read_share) * share)

    def _told(self, share: float) -> float:
        self._share = min(1.0, max(self._share, share))
        return self._share
