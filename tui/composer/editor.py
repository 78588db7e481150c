"""The box's text in the editor that the user likes: $VISUAL or $EDITOR."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SuspendNotSupported

from autoglm_lite.errors import AutoglmError
from autoglm_lite.paths import private_dir, state_dir
from tui.words.composer import Words

if TYPE_CHECKING:
    from tui.app import ChatApp

COMMON = ("sensible-editor", "nano", "vim", "vi")
"""Looked for where neither variable is set."""
MOST_BYTES = 4_000_000


class EditorError(AutoglmError):
    """The editor could not be run, or failed."""


def editor_command(environ: Mapping[str, str], words: Words) -> list[str]:
    """The program and its arguments. Raises EditorError where there is none."""
    for name in ("VISUAL", "EDITOR"):
        if not (wanted := environ.get(name, "").strip()):
            continue
        try:
            command = shlex.split(wanted)
        except ValueError:
            command = [wanted]
        if shutil.which(command[0]) is None:
            raise EditorError(words.editor_missing.format(name=name, command=command[0]))
        return command
    found = next((path for name in COMMON if (path := shutil.which(name))), None)
    if found is None:
        raise EditorError(words.no_editor)
    return [found]


async def edited(app: ChatApp, text: str) -> str:
    """`text` as it is when the editor ends; the app leaves the terminal to it until then, and an answer goes on being
    written. Raises EditorError; `text` is then as it was."""
    words = app.words.composer
    command = editor_command(os.environ, words)
    try:
        # A disk that lasts, so that a text is not lost with the machine's power; the name tells editors what it is.
        descriptor, name = tempfile.mkstemp(".md", "question-", private_dir(state_dir()))
        file = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as written:
            written.write(f"{text}\n" if text else "")
    except OSError as error:
        raise EditorError(words.editor_failed.format(command=command[0], why=error.strerror or error)) from error
    try:
        # Nothing may be drawn meanwhile: the driver has no terminal.
        with app.batch_update(), app.suspend():
            process = await asyncio.create_subprocess_exec(*command, name)
            code = await process.wait()
        if code:
            raise EditorError(words.editor_failed.format(command=command[0], why=words.exit_code.format(code=code)))
        return await asyncio.to_thread(_read, file, words)
    except SuspendNotSupported as error:
        raise EditorError(words.editor_not_here) from error
    except OSError as error:
        raise EditorError(words.editor_failed.format(command=command[0], why=error.strerror or error)) from error
    finally:
        await asyncio.to_thread(file.unlink, missing_ok=True)
        # The terminal may have another size now.
        app.refresh(layout=True)


def _read(file: Path, words: Words) -> str:
    if file.stat().st_size > MOST_BYTES:
        raise EditorError(words.editor_too_long.format(most=f"{MOST_BYTES / 1e6:.0f} MB"))
    return file.read_text(encoding="utf-8", errors="replace").rstrip("\n")
