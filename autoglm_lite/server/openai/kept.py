"""Responses on disk, for `previous_response_id`: one file for each, which holds all that came before it as well.

So each can be deleted, or grow too old, without harm to others. Calls take milliseconds, on an old disk some tens of
them: from an event loop run them through `asyncio.to_thread`.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from autoglm_lite.errors import HistoryError
from autoglm_lite.paths import private_dir
from autoglm_lite.server.openai.items import Item
from autoglm_lite.server.openai.response import Response

MOST = 1000
MOST_BYTES = 64 * 1024 * 1024
"""Of all of them together."""
SECONDS = 30 * 24 * 3600.0
ID = re.compile(r"resp_[0-9a-f]{32}")
SUFFIX = ".json"


class Conversation(msgspec.Struct):
    """A response, and what its model was given for it, but for the instructions."""

    input: list[Item]
    response: Response

    @property
    def items(self) -> list[Item]:
        """What a next question goes on from."""
        return [*self.input, *self.response.output]


@dataclass(frozen=True, slots=True)
class Kept:
    """Every method raises HistoryError where the disk does not do it."""

    folder: Path
    """Made, for this user alone, when the first is kept."""

    def save(self, conversation: Conversation) -> None:
        """Whole or not at all, and on the disk when this returns; the oldest make room for it."""
        path = self._path(conversation.response.id)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            private_dir(self.folder)
            try:
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    file.write(msgspec.json.encode(conversation))
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(path)
                _sync(self.folder)
            finally:
                part.unlink(missing_ok=True)
        except OSError as error:
            raise HistoryError(f"The response cannot be kept: {error.strerror}.") from error
        self._make_room()

    def load(self, response_id: str) -> Conversation | None:
        """None where there is none of that id, or what is there cannot be read."""
        if not ID.fullmatch(response_id):
            return None
        try:
            return msgspec.json.decode(self._path(response_id).read_bytes(), type=Conversation)
        except (FileNotFoundError, msgspec.MsgspecError, RecursionError):
            return None
        except OSError as error:
            raise HistoryError(f"The response cannot be read: {error.strerror}.") from error

    def delete(self, response_id: str) -> bool:
        """Whether it was there."""
        if not ID.fullmatch(response_id):
            return False
        try:
            self._path(response_id).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise HistoryError(f"The response cannot be deleted: {error.strerror}.") from error
        return True

    def _path(self, response_id: str) -> Path:
        return self.folder / f"{response_id}{SUFFIX}"

    def _make_room(self) -> None:
        """Deletes what is too old, too much, or was left half written."""
        with suppress(OSError), os.scandir(self.folder) as entries:
            n_bytes = 0
            oldest = time.time() - SECONDS
            for count, (changed, size, path) in enumerate(_newest_first(list(entries))):
                n_bytes += size
                if count >= MOST or n_bytes > MOST_BYTES or changed < oldest:
                    with suppress(OSError):
                        Path(path).unlink()


def _newest_first(entries: Sequence[os.DirEntry[str]]) -> list[tuple[float, int, str]]:
    found = []
    for entry in entries:
        with suppress(OSError):
            stat = entry.stat(follow_symlinks=False)
            found.append((stat.st_mtime, stat.st_size, entry.path))
    return sorted(found, reverse=True)


def _sync(folder: Path) -> None:
    """So that a file's new name survives the loss of power as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
