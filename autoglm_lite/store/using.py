"""When a model was last loaded: the date of an empty file, so that noting it takes no room and reads nothing."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from autoglm_lite.paths import private_dir, state_dir


def note_use(path: Path) -> None:
    """From now on the model was used this moment, if the disk takes that. A service may write nothing beside the
    models, so this is kept with the logs."""
    with suppress(OSError):
        mark = mark_of(path)
        private_dir(mark.parent)
        os.close(os.open(mark, os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600))
        os.utime(mark)


def last_used(path: Path) -> float | None:
    """Seconds since 1970; None where that is not known."""
    with suppress(OSError):
        return mark_of(path).stat().st_mtime
    return None


def marks_folder() -> Path:
    return state_dir() / "used"


def mark_of(path: Path) -> Path:
    """The file whose date it is; any name of a model makes a sound one."""
    return marks_folder() / hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
