"""The question in an editor, in a real terminal."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from pathlib import Path

import pytest
from textual.pilot import Pilot

from autoglm_lite.chat.history import History
from tests.tui.driving import drive, on_disk, setup_of, until, warned
from tests.tui.test_ending import PATIENCE, open_app, read_until
from tui.app import ChatApp
from tui.composer.editor import EditorError, editor_command
from tui.words import ENGLISH

EDITOR = """#!/bin/sh
# Fails once when it is told to, else adds a line; says what it was given.
ls -l "$2" >> "$0.log"; cat "$2" >> "$0.log"
[ -e "$0.fail" ] && rm "$0.fail" && exit 3
[ -e "$0.idle" ] && rm "$0.idle" && exit 0
echo "从前 has a ball" >> "$2"
"""


def test_the_editor_is_the_user_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ENGLISH.composer
    assert editor_command({"VISUAL": "sh -x", "EDITOR": "cat"}, words) == ["sh", "-x"]
    assert editor_command({"VISUAL": " ", "EDITOR": "cat"}, words) == ["cat"]
    for wanted in ("no-such-editor -w", "it's"):
        with pytest.raises(EditorError, match="not installed"):
            editor_command({"EDITOR": wanted}, words)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EditorError, match="install nano"):
        editor_command({}, words)


def test_a_text_goes_to_the_editor_and_comes_back(
    endless_gguf: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "my editor"
    editor.write_text(EDITOR)
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", f"'{editor}' -w")
    process, terminal = open_app(endless_gguf)
    try:
        read_until(terminal, b"free")
        (tmp_path / "my editor.fail").touch()
        os.write(terminal, b"Lily\x07")
        read_until(terminal, b"failed")
        (tmp_path / "my editor.idle").touch()
        os.write(terminal, b"\x07")
        read_until(terminal, b"Nothing was changed")
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
        os.write(terminal, b"\x07")
        read_until(terminal, "从前 has a ball".encode())
        os.write(terminal, b"\r")
        read_until(terminal, b"tok/s")
        os.write(terminal, b"\x11")
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        os.close(terminal)
    log = (tmp_path / "my editor.log").read_text()
    assert log.count("-rw-------") == 3
    assert log.count("Lily") == 3
    assert not list((home / "state").glob("question-*"))
    with History(home / "data" / "conversations.db") as history:
        assert on_disk(history)[0].content == "Lily\n从前 has a ball"


def test_where_the_app_cannot_step_aside_it_says_so(
    stories_gguf: Path, history: History, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "no-such-editor")

    async def test(pilot: Pilot[None], app: ChatApp) -> None:
        await pilot.press(*"draft", "ctrl+g")
        await until(pilot, lambda: "no-such-editor, which is not installed" in warned(app))
        monkeypatch.setenv("EDITOR", "cat")
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "cannot be left to an editor" in warned(app))
        assert app.prompt.text == "draft"

    drive(setup_of(stories_gguf, history), test)
    assert not list((home / "state").glob("question-*"))
