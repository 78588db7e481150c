"""The folder of kept states: what is found there for a prompt, and what makes room for what is newer."""

from __future__ import annotations

import os
import shutil
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from autoglm_lite.paths import private_dir
from autoglm_lite.states.file import DamagedStateError, StateHead, read_head, verify, write_state

SUFFIX = ".kv"
MOST_BYTES = 2 << 30
MOST_TOKENS = 1 << 24
FREE_SHARE = 0.1
"""Of the disk's free space: the rest belongs to others."""


@dataclass(frozen=True, slots=True)
class Found:
    """A kept state whose first `n_common` tokens are those of the prompt."""

    head: StateHead
    n_common: int


class StateFolder:
    """The states of one model (`key`) in a folder that models share. Processes may use it at the same time: files are
    only ever renamed into place and removed."""

    def __init__(self, folder: Path, key: bytes, most_bytes: int | None = None) -> None:
        """`most_bytes`: of all states together; by default 2 GiB, or a tenth of what is free on a small disk."""
        self._folder = folder
        self._key = key
        self._most_bytes = most_bytes
        remove_abandoned(folder)

    def find(self, prompt: Sequence[int], *, most: int = MOST_TOKENS, whole: bool = False) -> Found | None:
        """The state that shares the longest prefix with `prompt`, of these the smallest; of at most `most` tokens, and
        with `whole` only one that is used to its end. Files that are no states of this program any more are removed."""
        best: Found | None = None
        wanted = array("i", prompt)
        for path in self._files(own=True):
            try:
                head = read_head(path, self._key)
            except DamagedStateError:
                remove(path)
                continue
            except OSError:
                continue
            found = Found(head, common_prefix(head.tokens, wanted))
            if len(head.tokens) > most or (whole and found.n_common < len(head.tokens)):
                continue
            if best is None or _worth(found) > _worth(best):
                best = found
        return best if best and best.n_common else None

    def open(self, found: Found) -> Path | None:
        """The file of `found`, if every byte is as it was written; else it is removed."""
        path = found.head.path
        try:
            verify(path, self._key)
            os.utime(path)
        except DamagedStateError:
            remove(path)
            return None
        except OSError:
            return None
        return path

    def keep(self, tokens: Sequence[int], n_bytes: int, save: Callable[[Path], int]) -> bool:
        """Keeps the state of `tokens`, of about `n_bytes`, in place of those that it contains; the longest unused make
        room. False where it does not fit or the disk refuses."""
        try:
            private_dir(self._folder)
            most = budget(self._folder) if self._most_bytes is None else self._most_bytes
            if n_bytes > most:
                return False
            self._make_room(most - n_bytes)
            write_state(self._folder / self._name(tokens), self._key, save)
        except (OSError, DamagedStateError):
            return False
        self._drop_contained(array("i", tokens))
        return True

    def _name(self, tokens: Sequence[int]) -> str:
        digest = blake2b(array("i", tokens).tobytes(), digest_size=12)
        return f"{self._key.hex()[:16]}-{digest.hexdigest()}{SUFFIX}"

    def _files(self, own: bool) -> Iterator[Path]:
        return iter(sorted(self._folder.glob(f"{self._key.hex()[:16] if own else ''}*{SUFFIX}")))

    def _make_room(self, most: int) -> None:
        remove_abandoned(self._folder)
        sized = []
        for path, size in kept_states(self._folder):
            with suppress(OSError):
                sized.append((path.lstat().st_mtime, path, size))
        held = sum(size for _, _, size in sized)
        for _, path, size in sorted(sized):
            if held <= most:
                return
            remove(path)
            held -= size

    def _drop_contained(self, tokens: array[int]) -> None:
        """A state whose tokens another one begins with holds nothing of its own."""
        for path in self._files(own=True):
            with suppress(OSError, DamagedStateError):
                kept = read_head(path, self._key).tokens
                if len(kept) < len(tokens) and kept == tokens[: len(kept)]:
                    path.unlink()


def budget(folder: Path) -> int:
    """Bytes that states may take in `folder`, which exists."""
    held = sum(size for _, size in (*kept_states(folder), *unfinished_states(folder)))
    return min(MOST_BYTES, int(FREE_SHARE * (shutil.disk_usage(folder).free + held)))


def common_prefix(one: array[int], other: array[int]) -> int:
    """How many of the first tokens are the same; compares by halves, which is a memory comparison each."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def kept_states(folder: Path) -> list[tuple[Path, int]]:
    """Every model's states, with their bytes."""
    return _sized(folder, f"*{SUFFIX}")


def unfinished_states(folder: Path) -> list[tuple[Path, int]]:
    """What is being written, or was by a process that was killed."""
    return _sized(folder, f".*{SUFFIX}.*.part")


def remove_abandoned(folder: Path) -> None:
    """Removes what a process was writing that is no more."""
    for path, _ in unfinished_states(folder):
        if not _alive(path.name.split(".")[-2]):
            remove(path)


def remove(path: Path) -> None:
    """If it can be."""
    with suppress(OSError):
        path.unlink()


def _sized(folder: Path, pattern: str) -> list[tuple[Path, int]]:
    found = []
    for path in folder.glob(pattern):
        with suppress(OSError):
            found.append((path, path.lstat().st_size))
    return found


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except OSError:
        # Another user's.
        return True
    return True


def _worth(found: Found) -> tuple[int, int]:
    return found.n_common, -found.head.n_bytes
