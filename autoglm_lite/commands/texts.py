"""Text that the user names: a file or a pipe, read whole and no more than is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from autoglm_lite.errors import AutoglmError


def read_text(path: Path, max_bytes: int) -> str:
    """A text file in UTF-8 as it is. Raises AutoglmError for anything else, or for more than `max_bytes`."""
    try:
        if path.is_dir():
            raise AutoglmError(f"{path} is a folder: give a text file.")
        with path.open("rb") as file:
            return decoded(file, str(path), max_bytes)
    except FileNotFoundError as error:
        raise AutoglmError(f"There is no file {path}: check the path.") from error
    except OSError as error:
        raise AutoglmError(f"{path} cannot be read: {error.strerror}.") from error


def decoded(stream: BinaryIO, name: str, max_bytes: int) -> str:
    """All text of `stream`, which errors call `name`. Raises AutoglmError as `read_text` does."""
    content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise AutoglmError(f"{name} is larger than {max_bytes // 1_000_000} MB: give a part of it.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AutoglmError(f"{name} is no text in UTF-8: convert it first.") from error
    if "\0" in text:
        raise AutoglmError(f"{name} is a binary file: give a text file.")
    return text
