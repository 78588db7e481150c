"""Questions that were begun and not sent: one small file each, beside the conversations.

A file is written whole under another name and then renamed, so that after `kill -9` there is the old text or the new.
Nothing waits for the disk: only a power cut may lose the last seconds. A new conversation has no name yet, so each
app keeps its draft under its own process number, and one that was left behind by a dead app is taken over by the next.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from autoglm_lite.paths import private_dir

NEW = "new"
"""In place of a conversation's id."""


class Drafts:
    """Never raises: a draft that cannot be kept is no reason to stop writing it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, name: str, text: str) -> None:
        """`name` is a conversation's id or NEW; an empty text forgets the draft."""
        path = self._path(name)
        with suppress(OSError):
            if not text.strip():
                path.unlink(missing_ok=True)
                return
            private_dir(self._folder)
            beside = self._folder / f".{secrets.token_hex(4)}"
            try:
                with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                    file.write(text.encode("utf-8", "replace"))
                beside.replace(path)
            except BaseException:
                beside.unlink(missing_ok=True)
                raise

    def read(self, name: str) -> str:
        """Empty when there is none."""
        if name == NEW:
            self._adopt()
        try:
            return self._path(name).read_bytes().decode("utf-8", "replace")
        except OSError:
            return ""

    def take(self, name: str) -> str:
        """Reads it, and forgets it."""
        text = self.read(name)
        self.keep(name, "")
        return text

    def _path(self, name: str) -> Path:
        return self._folder / (f"{NEW}.{os.getpid()}" if name == NEW else name)

    def _adopt(self) -> None:
        """Makes the draft of an app that has died this app's own, unless it has one."""
        mine = self._path(NEW)
        with suppress(OSError):
            for path in sorted(self._folder.glob(f"{NEW}.*")):
                if mine.exists():
                    return
                if not _is_alive(path.suffix[1:]):
                    # Of two apps that try, one finds nothing to rename.
                    path.rename(mine)


def _is_alive(pid: str) -> bool:
    return pid.isdecimal() and Path("/proc", pid).exists()
