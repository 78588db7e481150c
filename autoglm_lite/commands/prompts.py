"""What the user wants to say, from `-p`, from files and from a pipe."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.commands.texts import decoded, read_text
from autoglm_lite.errors import UsageError

MAX_BYTES = 16_000_000
"""More text than any model here can read at once."""


def gather_prompt(text: str | None, files: Sequence[Path], piped: str | None) -> tuple[str, tuple[Attachment, ...]]:
    """`text`, then what was piped in; and the files that go with it.

    Raises UsageError when that is nothing, AutoglmError for a file that is no text.
    """
    if not (text or "").strip() and not (piped or "").strip():
        raise UsageError('The prompt is empty: give a question with -p "..." or pipe text in.')
    said = [_whole(part) for part in (text, piped) if part and part.strip()]
    attached = tuple(Attachment(path.name, _plain(read_text(path, MAX_BYTES))) for path in files)
    return "\n\n".join(said), attached


def read_piped(stream: BinaryIO) -> str | None:
    """All text from a pipe, a socket or a file; None when `stream` is a terminal or a device such as /dev/null."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return None
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)):
        return None
    return _plain(decoded(stream, "The text piped in", MAX_BYTES))


def _plain(text: str) -> str:
    """`text` without the byte order mark, carriage returns and final line ends that editors put there."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip("\n")


def _whole(text: str) -> str:
    # Bytes of the command line that are no UTF-8 reach us as lone surrogates.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError("The prompt is not valid UTF-8: check the terminal's character set.") from error
    return text
