"""The shards of a checkpoint on a hub, fetched whole one after another, and removed when they are converted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import ConversionError
from autoglm_lite.store.download.fetch import Fetch
from autoglm_lite.store.download.note import LOCK, NOTE, PART, PARTIAL
from autoglm_lite.store.download.source import Source
from converters.partial import disk_bytes
from converters.streaming.ranges import Reach
from converters.streaming.remote import Remote, spans
from converters.streaming.waiting import Running

RESERVE_BYTES = 200_000_000
"""Of the disk, left free by a shard that comes before it is due."""
COMPARED_BYTES = 1 << 20


class RemoteShards:
    """Those of `remote` that `needed` names, in order. To be closed."""

    def __init__(
        self,
        remote: Remote,
        needed: Sequence[Path],
        reach: Reach,
        unwritten: Callable[[], int],
        waiting: Callable[[], None] = lambda: None,
    ) -> None:
        """`unwritten`: bytes of the result that are still to come, for which room is kept. `waiting` is called again
        and again while a shard is waited for."""
        self._remote, self._needed, self._reach = remote, needed, reach
        self._unwritten, self._waiting = unwritten, waiting
        self._running: dict[Path, Running] = {}
        self._done: set[Path] = set()
        self.overlaps = False
        """Whether a shard came while another was converted."""

    @property
    def n_bytes(self) -> int:
        """Of all that are needed."""
        return sum(self._size(shard) for shard in self._needed)

    @property
    def largest(self) -> int:
        """Bytes of the disk that the largest of them still needs."""
        return max((self._size(shard) - self.here_already(shard) for shard in self._needed), default=0)

    @property
    def fetched(self) -> int:
        """Bytes of them that have come, those that are gone again included."""
        return sum(self._come(shard) for shard in self._needed)

    def here(self, shard: Path) -> Path:
        running = self._running.get(shard)
        if running is None or running.failed:
            # What came early may have failed for want of the room that there is now.
            running = self._start(shard)
        running.wait(self._waiting)
        whole = self._whole(shard)
        self._compare(shard, whole)
        return whole

    def soon(self, shard: Path) -> None:
        free = shutil.disk_usage(self._remote.work.folder).free
        if free >= self._size(shard) - self.here_already(shard) + self._unwritten() + RESERVE_BYTES:
            self.overlaps = True
            self._start(shard)

    def done(self, shard: Path) -> None:
        self._done.add(shard)
        self._running.pop(shard, None)
        partial = self._remote.work.shards / PARTIAL
        for path in (self._whole(shard), *(partial / (shard.name + ending) for ending in (PART, NOTE, LOCK))):
            with suppress(FileNotFoundError):
                path.unlink()

    def state(self, shard: Path) -> str:
        source, repository = self._source(shard), self._remote.repository
        return f"{repository.reference}@{repository.revision}/{shard.name}\0{source.n_bytes}\0{source.sha256}\0"

    def here_already(self, shard: Path) -> int:
        """Bytes that the disk holds of it."""
        folder = self._remote.work.shards
        return disk_bytes(folder / shard.name) or disk_bytes(folder / PARTIAL / (shard.name + PART))

    def close(self) -> None:
        """Stops what is on its way; what came is kept."""
        for running in self._running.values():
            running.fetch.stop()
        for running in self._running.values():
            running.stop()

    def _start(self, shard: Path) -> Running:
        folder = self._remote.work.shards
        folder.mkdir(mode=0o700, exist_ok=True)
        fetch = Fetch(self._source(shard), folder, shard.name, self._reach.client, self._reach.patience)
        self._running[shard] = Running(fetch)
        return self._running[shard]

    def _compare(self, shard: Path, whole: Path) -> None:
        """What was fetched apart must be what the verified shard has: the plan was made by it."""
        with shard.open("rb") as before, whole.open("rb") as now:
            for begin, end in spans(self._remote.work).get(shard.name, []):
                for at in range(begin, end, COMPARED_BYTES):
                    before.seek(at)
                    now.seek(at)
                    size = min(COMPARED_BYTES, end - at)
                    if before.read(size) != now.read(size):
                        raise ConversionError(
                            f"parts of {self._source(shard).label} came with wrong bytes, so the work is thrown away; "
                            "convert again."
                        )

    def _come(self, shard: Path) -> int:
        if shard in self._done:
            return self._size(shard)
        running = self._running.get(shard)
        if running is None:
            return self.here_already(shard)
        progress = running.fetch.progress
        # What is read again, to be checked, has come before.
        return self._size(shard) if progress.state == "checking" else progress.done

    def _source(self, shard: Path) -> Source:
        return self._remote.sources[shard]

    def _size(self, shard: Path) -> int:
        return self._source(shard).n_bytes or 0

    def _whole(self, shard: Path) -> Path:
        return self._remote.work.shards / shard.name
