"""Writing what came: each function is one thing that a full disk or a power cut can end in the middle."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from autoglm_lite.replacing import replace_file

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def open_part(path: Path) -> BinaryIO:
    """For reading and writing anywhere, made where it is missing; never through a link. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with suppress(OSError):
        # One that was about to be published is not to be written any more.
        if not path.is_symlink():
            path.chmod(0o600)
    return os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)


def write(file: BinaryIO, piece: bytes | memoryview) -> int:
    """How many bytes of it were taken: a disk that is nearly full takes some of them first. Raises OSError."""
    n_bytes = file.write(piece)
    if not n_bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return n_bytes


def sync(file: BinaryIO) -> None:
    """Until the disk has what was written. Raises OSError."""
    getattr(os, "fdatasync", os.fsync)(file.fileno())


def replace_json(path: Path, known: Mapping[str, object]) -> None:
    """All of it or what was there before, whatever happens. Raises OSError."""
    replace_file(path, json.dumps(known).encode())
