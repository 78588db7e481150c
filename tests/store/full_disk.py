"""A disk that is full at one moment, whichever: the n-th call that needs room fails, as the last page of it would."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

CALLS = ("open", "fsync", "fchmod", "replace", "link", "symlink", "mkdir", "write", "pwrite", "ftruncate")


class FullDisk:
    def __init__(self, step: int) -> None:
        self._left = step
        self.fell = False
        """Whether there was a step of that number."""

    def needs_room(self) -> None:
        self._left -= 1
        if self._left == -1:
            self.fell = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def full_at(step: int) -> Iterator[FullDisk]:
    disk = FullDisk(step)
    with pytest.MonkeyPatch.context() as patched:
        for name in CALLS:
            _counted(name, disk, patched)
        yield disk


def _counted(name: str, disk: FullDisk, patched: pytest.MonkeyPatch) -> None:
    real = getattr(os, name)

    def call(*args: object, **kwargs: object) -> object:
        if name != "open" or (len(args) > 1 and isinstance(args[1], int) and args[1] & os.O_CREAT):
            disk.needs_room()
        return real(*args, **kwargs)

    patched.setattr(os, name, call)
