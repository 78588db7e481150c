"""What was read of a file before it was fetched need not come again."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from autoglm_lite.paths import private_dir
from autoglm_lite.store.download.disk import open_part, sync
from autoglm_lite.store.download.note import NOTE, PART, PARTIAL, Note, write_note
from autoglm_lite.store.download.source import Source
from autoglm_lite.store.hub.kept_headers import kept_start
from autoglm_lite.store.place import place


def seed(source: Source, folder: Path, name: str) -> None:
    """Before the file comes to `folder`/`name`: puts its first bytes there, if they are kept and nothing has come yet.
    They are checked with all others in the end. Raises UsageError for a name that is none."""
    part, note = place(folder, PARTIAL, name + PART), place(folder, PARTIAL, name + NOTE)
    start = kept_start(source.sha256)[: source.n_bytes]
    if not start or source.n_bytes is None or part.exists() or note.exists() or place(folder, name).exists():
        return
    with suppress(OSError):
        private_dir(part.parent)
        with open_part(part) as file:
            file.write(start)
            sync(file)
        write_note(note, Note(source.address, source.n_bytes, source.sha256, None, ((0, len(start)),)))
