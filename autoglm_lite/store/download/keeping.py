"""What is on the disk of a file on its way: its bytes, and the note of which of them the disk has for certain."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from autoglm_lite.replacing import sync_folder
from autoglm_lite.store.download import disk
from autoglm_lite.store.download.note import Note, read_note, write_note
from autoglm_lite.store.download.ranges import Ranges
from autoglm_lite.store.download.source import Source
from autoglm_lite.store.download.work import Known, Work

GIVEN_UP_BYTES = 1 << 16
"""Of what came, where the disk is so full that not even a note can be kept."""


class Kept:
    """For one run, of the only program that has the file."""

    def __init__(self, part: Path, note: Path, source: Source, beside: dict[str, object]) -> None:
        self._part, self._note, self._source, self._beside = part, note, source, beside
        self._last: Note | None = None
        self._lost: OSError | None = None
        """The disk has failed to take what was written: what that was, nobody knows."""

    def read(self, said: Known) -> tuple[Known, Ranges]:
        """What came before, if it is of the same file; `said` is what is known of that."""
        with suppress(OSError):
            note = read_note(self._note, self._part.stat().st_size)
            if note is not None and _is_of_same(note, self._source, said):
                self._last = note
                known = Known(said.n_bytes or note.n_bytes, said.sha256 or note.sha256, note.etag)
                return known, Ranges(note.done)
        self.forget_note()
        return Known(said.n_bytes, said.sha256), Ranges()

    def save(self, work: Work, file: BinaryIO) -> None:
        """Raises OSError; the note before then stays."""
        with work.turn:
            now, written = self._now(work), work.written
        if now == self._last or self._lost or not (now.done or self._last):
            return
        try:
            disk.sync(file)
        except OSError as error:
            self._lost = error
            raise
        work.has_synced(written)
        write_note(self._note, now)
        if self._last is None:
            sync_folder(self._note.parent)
        self._last = now

    def save_at_last(self, work: Work, file: BinaryIO, *, whole: bool) -> None:
        """As well as can be: on a full disk, the last of what came makes room for it, unless the file is `whole`."""
        with suppress(OSError):
            try:
                self.save(work, file)
            except OSError as error:
                if error.errno not in disk.NO_ROOM or self._lost or whole or not work.done.n_bytes:
                    return
                *_, (begin, end) = work.done
                work.done = work.done.clip(max(begin, end - GIVEN_UP_BYTES))
                file.truncate(max(begin, end - GIVEN_UP_BYTES))
                self.save(work, file)

    def check(self) -> None:
        """Raises OSError where the disk has not taken all that was written, though a later try may have gone well."""
        if self._lost is not None:
            raise self._lost

    def forget_note(self) -> None:
        self._last = None
        with suppress(OSError):
            self._note.unlink()

    def forget(self) -> None:
        self.forget_note()
        with suppress(OSError):
            self._part.unlink()

    def _now(self, work: Work) -> Note:
        known = work.known
        return Note(self._source.address, known.n_bytes, known.sha256, known.validator, tuple(work.done), self._beside)


def _is_of_same(note: Note, source: Source, said: Known) -> bool:
    if said.sha256 not in (None, note.sha256) or said.n_bytes not in (None, note.n_bytes):
        return False
    # The same bytes may come from another mirror; without their SHA-256 only the address tells that they are the same.
    return (note.sha256 is not None and said.sha256 is not None) or (
        note.address == source.address and (note.sha256 or note.etag) is not None
    )
