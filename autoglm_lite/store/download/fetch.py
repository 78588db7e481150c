"""A file on its way into a folder, over lines that break."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from autoglm_lite.paths import private_dir
from autoglm_lite.replacing import sync_folder
from autoglm_lite.store.download import disk
from autoglm_lite.store.download.digest import Digest
from autoglm_lite.store.download.keeping import Kept
from autoglm_lite.store.download.limit import Limit
from autoglm_lite.store.download.line import Line, There
from autoglm_lite.store.download.note import LOCK, NOTE, PART, PARTIAL, read_note
from autoglm_lite.store.download.progress import USUAL, Patience, Progress, Speed, State
from autoglm_lite.store.download.ranges import Ranges
from autoglm_lite.store.download.source import Source
from autoglm_lite.store.download.turn import Turn
from autoglm_lite.store.download.work import Known, Work
from autoglm_lite.store.hub.answers import Identity
from autoglm_lite.store.hub.client import Client, failure
from autoglm_lite.store.hub.failures import DownloadError, Failure
from autoglm_lite.store.place import place

__all__ = ["Fetch", "Limit", "Source"]

RESERVE_BYTES = 100_000_000
"""Of the disk, left to others."""
SECONDS_BETWEEN_NOTES = 2.0
"""What a power cut costs at most, and how often the disk is bothered."""
SECONDS_BETWEEN_LOOKS = 0.1
SECONDS_TO_END = 1.0
"""How long connections are waited for that were cut; after that they write nothing any more in any case."""
HASHED_AT_ONCE = 8 << 20


class Fetch:
    """One file. `run` blocks, so it is for a thread; everything else may be called from another."""

    def __init__(
        self,
        source: Source,
        folder: Path,
        name: str,
        client: Client,
        patience: Patience = USUAL,
        limit: Limit | None = None,
        *,
        finish: Callable[[Path], object] | None = None,
        beside: Mapping[str, object] | None = None,
    ) -> None:
        """Into `folder`/`name`; until it is whole and verified, what came is in `folder`/partial.

        `finish` gets the path of the whole and verified file there, and has to move it to `folder`/`name`, while no
        other program touches it; usually it is only moved. `beside`: what a caller keeps with it meanwhile, as JSON.
        Raises UsageError for a name that is none.
        """
        self.source = source
        self._target = place(folder, name)
        self._part = place(folder, PARTIAL, name + PART)
        self._note = place(folder, PARTIAL, name + NOTE)
        self._lock = place(folder, PARTIAL, name + LOCK)
        self._client, self._patience, self._limit = client, patience, limit
        self._finish = finish or self._move
        self._beside = dict(beside or {})
        self._stop = threading.Event()
        self._speed = Speed()
        self.progress = Progress("waiting", 0, source.n_bytes or 0)
        self.found: Identity | None = None
        """What came: before `finish` is called, and once `run` has returned a path; None where it was there before."""
        self.checked = False
        """Whether somebody had told which SHA-256 it has."""

    def stop(self) -> None:
        """Has `run` end soon; what came is kept."""
        self._stop.set()

    def run(self) -> Path | None:
        """Gets what is missing, and returns the file's path; None where it was stopped. May be run again.

        Another program that gets the same file is waited for. Raises DownloadError, and what `finish` raises.
        """
        self._stop.clear()
        try:
            private_dir(self._part.parent)
            turn = Turn(self._lock)
            while not turn.take():
                if self._is_here():
                    return self._done()
                self._show_of_another()
                if self._stop.wait(SECONDS_BETWEEN_LOOKS):
                    return None
            kept = Kept(self._part, self._note, self.source, self._beside)
            try:
                if self._is_here():
                    # Whoever put it there may have been killed before there was time to tidy up.
                    kept.forget()
                elif not self._get(kept):
                    return None
            finally:
                turn.give_back()
            return self._done()
        except OSError as error:
            raise self._unwritable(error) from error

    def _is_here(self) -> bool:
        with suppress(OSError):
            return self.source.n_bytes in (None, self._target.stat().st_size)
        return False

    def _done(self) -> Path:
        n_bytes = self._target.stat().st_size
        self.progress = Progress("done", n_bytes, n_bytes)
        return self._target

    def _get(self, kept: Kept) -> bool:
        """False where it was stopped. Raises DownloadError, OSError."""
        said = Known(self.source.n_bytes, self.source.sha256)
        with disk.open_part(self._part) as file, Digest(self._part.open("rb", buffering=0)) as digest:
            known, done = kept.read(said)
            if not done:
                file.truncate(0)
            work = Work(file, self._patience, said, known, done)
            lines: list[Line] = []
            whole = False
            try:
                whole = self._until_whole(work, digest, kept, lines)
            finally:
                self._end(work, lines)
                kept.save_at_last(work, file, whole=whole)
                self._show("waiting", work.done.n_bytes, work)
            if work.error is not None:
                raise work.error
            if not whole:
                return False
            kept.check()
            self.found = Identity(digest.n_bytes, digest.sha256)
            self.checked = work.known.sha256 is not None
            if work.known.sha256 not in (None, digest.sha256):
                kept.forget()
                raise self._failure("wrong")
        self._finish(self._part)
        kept.forget()
        return True

    def _until_whole(self, work: Work, digest: Digest, kept: Kept, lines: list[Line]) -> bool:
        """Whether all is there and hashed; not where it was stopped, or there is an error in `work`. Raises OSError."""
        there, noted, epoch = There(self.source.address), time.monotonic(), 0
        while not self._stop.is_set():
            with work.turn:
                began_anew, epoch = work.epoch != epoch, work.epoch
                reach, complete = work.done.reach(digest.n_bytes), work.complete
                done, failed, waits = work.done.n_bytes, work.error, work.waits
            if failed is not None:
                return False
            if began_anew:
                digest.restart()
                kept.forget_note()
                continue
            moved = digest.follow(reach, HASHED_AT_ONCE)
            if complete and digest.n_bytes == work.known.n_bytes:
                return True
            self._show("checking" if complete else "waiting" if waits else "getting", done, work, digest.n_bytes)
            self._start(work, there, lines)
            if work.must_sync or time.monotonic() - noted > SECONDS_BETWEEN_NOTES:
                kept.save(work, work.file)
                noted = time.monotonic()
            if not moved:
                work.wait(SECONDS_BETWEEN_LOOKS)
        return False

    def _start(self, work: Work, there: There, lines: list[Line]) -> None:
        while len(lines) < work.n_lines:
            lines.append(Line(work, self.source, there, self._client, self._stop, self._limit, self._check_room))
            lines[-1].start()

    def _end(self, work: Work, lines: list[Line]) -> None:
        """After this nothing is written to the file any more."""
        work.close()
        for line in lines:
            line.cut()
        ends = time.monotonic() + SECONDS_TO_END
        # A Ctrl-C may have come between making the last one and starting it.
        for line in [line for line in lines if line.ident is not None]:
            line.join(max(0.0, ends - time.monotonic()))

    def _move(self, part: Path) -> None:
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(self._target)
        sync_folder(self._target.parent)

    def _show(self, state: State, done: int, work: Work, hashed: int = 0) -> None:
        speed = self._speed.count(done, time.monotonic()) if state == "getting" else None
        shown = hashed if state == "checking" else done
        self.progress = Progress(state, shown, work.known.n_bytes or self.source.n_bytes or 0, speed)

    def _show_of_another(self) -> None:
        known = None
        with suppress(OSError):
            known = read_note(self._note, self._part.stat().st_size)
        done, total = (Ranges(known.done).n_bytes, known.n_bytes) if known else (0, None)
        self.progress = Progress("taken", done, total or self.source.n_bytes or 0)

    def _check_room(self, n_bytes: int) -> None:
        free = shutil.disk_usage(self._part.parent).free
        if n_bytes + RESERVE_BYTES > free:
            raise self._full(n_bytes, free)

    def _full(self, n_bytes: int, free: int) -> DownloadError:
        return self._failure("full", needed=f"{(n_bytes + RESERVE_BYTES) / 1e6:,.0f}", free=f"{free / 1e6:,.0f}")

    def _unwritable(self, error: OSError) -> DownloadError:
        if error.errno in disk.NO_ROOM:
            missing = self.progress.total - self.progress.done
            return self._full(missing, shutil.disk_usage(self._target.parent).free)
        return self._failure("unwritable", folder=self._target.parent, why=error.strerror or error)

    def _failure(self, kind: Failure, **facts: object) -> DownloadError:
        return failure(kind, self.source.address, self.source.label, **facts)
