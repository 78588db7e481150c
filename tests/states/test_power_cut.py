"""A state whose writing is cut short, after any system call and with any of the unsynced lost, leaves what was there
before, the new one, or none: never a third."""

from __future__ import annotations

import os
import shutil
import struct
import sys
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from autoglm_lite.states.file import read_head, verify
from autoglm_lite.states.folder import StateFolder, kept_states

KEY = b"k" * 32
TOKENS = [5, 6, 7]


def save(payload: bytes, path: Path) -> int:
    """Writes in pieces, as llama.cpp does."""
    head = struct.pack("<III", 0x67677371, 2, len(TOKENS)) + array("i", TOKENS).tobytes()
    file = os.open(path, os.O_WRONLY)
    for piece in (head[:12], head[12:], *(payload[i : i + 700] for i in range(0, len(payload), 700))):
        os.write(file, piece)
    os.close(file)
    return len(head) + len(payload)


class Cuts:
    """Copies of the folder after each call into C in which it changed, each with what of it was synced."""

    def __init__(self, folder: Path, copies: Path) -> None:
        self._folder = folder
        self._copies = copies
        self._seen: set[tuple[object, ...]] = set()
        self._synced: set[int] = set()
        self.found: list[tuple[Path, frozenset[str]]] = []

    def __enter__(self) -> Cuts:
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _look(self, frame: FrameType, event: str, called: Any) -> None:
        if event not in ("c_call", "c_return"):
            return
        sys.setprofile(None)
        if event == "c_return" and called is os.fsync:
            self._synced |= {entry.inode() for entry in os.scandir(self._folder) if ".part" in entry.name}
        entries = sorted(os.scandir(self._folder), key=lambda entry: entry.name)
        state = (*((one.name, Path(one.path).read_bytes()) for one in entries), len(self._synced))
        if state not in self._seen:
            self._seen.add(state)
            copy = self._copies / str(len(self._seen))
            shutil.copytree(self._folder, copy)
            synced = frozenset(one.name for one in entries if one.inode() in self._synced)
            self.found.append((copy, synced))
        sys.setprofile(self._look)


def after_the_cut(copy: Path, synced: frozenset[str], old: bytes | None) -> Iterator[Path]:
    """The folder as the disk may have it: what was not synced whole, half, as zeros, or empty."""
    yield copy
    unsynced = [path for path in copy.iterdir() if path.name not in synced and path.read_bytes() != old]
    for path in unsynced:
        content = path.read_bytes()
        for lost in (b"", content[: len(content) // 2], bytes(len(content)), content[: len(content) // 2] + bytes(9)):
            path.write_bytes(lost)
            yield copy
        path.write_bytes(content)


@pytest.mark.parametrize("has_old", [False, True])
def test_after_a_cut_there_is_the_old_state_the_new_or_none(tmp_path: Path, has_old: bool) -> None:
    folder = tmp_path / "states"
    states = StateFolder(folder, KEY)
    old = None
    if has_old:
        assert states.keep(TOKENS, 100, lambda path: save(b"old" * 400, path))
        ((path, _),) = kept_states(folder)
        old = path.read_bytes()
    else:
        folder.mkdir()
    copies = tmp_path / "copies"
    copies.mkdir()
    with Cuts(folder, copies) as cuts:
        kept = states.keep(TOKENS, 100, lambda path: save(b"new" * 700, path))
    assert kept
    ((path, _),) = kept_states(folder)
    new = path.read_bytes()
    # Nothing yet, the file, its pieces, its foot, its sync, its name: each was seen.
    assert len(cuts.found) > 8
    seen = set()
    for copy, synced in cuts.found:
        for cut in after_the_cut(copy, synced, old):
            found = [one.read_bytes() for one, _ in kept_states(cut)]
            assert found in ([], [old], [new])
            for one, _ in kept_states(cut):
                assert list(read_head(one, KEY).tokens) == TOKENS
                verify(one, KEY)
            assert found or not has_old
            seen.add(found[0] if found else b"")
    assert seen == {new, old or b""}
