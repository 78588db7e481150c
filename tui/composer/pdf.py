"""The text of a PDF, by poppler's pdftotext, which most desktops have and which is many times as quick as Python."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

SECONDS = 30.0
"""A page takes some milliseconds."""


def has_reader() -> bool:
    return shutil.which("pdftotext") is not None


def text_of(path: Path, most_bytes: int) -> bytes | None:
    """In UTF-8, cut off beyond `most_bytes`; None where it cannot be read. Raises OSError."""
    command = ["pdftotext", "-q", "-enc", "UTF-8", str(path.absolute()), "-"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as process:
        last = threading.Timer(SECONDS, process.kill)
        last.start()
        try:
            assert process.stdout is not None
            text = process.stdout.read(most_bytes)
            if len(text) < most_bytes:
                process.wait()
        finally:
            last.cancel()
            process.kill()
    read_all = process.returncode == 0 or len(text) == most_bytes
    return text.replace(b"\f", b"\n") if read_all else None
