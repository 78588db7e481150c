"""Text given to the clipboard, by every way there is: which of them a terminal takes cannot be known."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tui.words.conversation import Words

SECONDS = 2.0
"""For a program that takes a text."""
PROGRAMS = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
)
"""What a program needs in the environment, and how it is called: for terminals that know no OSC 52, such as GNOME's."""


async def copied(text: str, path: Path, words: Words) -> str:
    """Gives `text` to all programs that take it and to the file; returns what to say of that. The terminal is not
    given it here."""
    given = [command[0] for command in takers(os.environ) if await give(text, command)]
    if given:
        return words.copied_to.format(programs=", ".join(given))
    kept = await asyncio.to_thread(keep, text, path)
    return words.copied_file.format(path=short_path(path)) if kept else ""


def short_path(path: Path) -> str:
    """With `~` for the user's folder."""
    with suppress(ValueError, RuntimeError):
        return f"~/{path.relative_to(Path.home())}"
    return str(path)


def takers(environ: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Commands that put their input on the clipboard, of those that are installed."""
    found: list[tuple[str, ...]] = []
    # tmux keeps OSC 52 of programs in it to itself unless told otherwise, but passes its own buffer on (-w).
    if environ.get("TMUX") and shutil.which("tmux"):
        found.append(("tmux", "load-buffer", "-w", "-"))
    if not environ.get("SSH_CONNECTION"):
        local = [command for name, command in PROGRAMS if environ.get(name) and shutil.which(command[0])]
        found += local[:1]
    return found


async def give(text: str, command: tuple[str, ...]) -> bool:
    """Whether the program took it."""
    with suppress(OSError, TimeoutError):
        # xclip stays to serve the text, and would hold a pipe of ours open.
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=nowhere, stderr=nowhere
        )
        assert process.stdin is not None
        process.stdin.write(text.encode())
        process.stdin.close()
        try:
            return await asyncio.wait_for(process.wait(), SECONDS) == 0
        except TimeoutError:
            process.kill()
            await process.wait()
    return False


def keep(text: str, path: Path) -> bool:
    """Puts it into a file that only its owner can read; whether that went well."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return True
    return False
