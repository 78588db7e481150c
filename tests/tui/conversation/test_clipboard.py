"""Where copies go besides the terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tui.conversation.clipboard import copied, give, keep, takers
from tui.words.conversation import ENGLISH


def fake(folder: Path, *names: str) -> None:
    """Programs that put what they are given into a file."""
    for name in names:
        (folder / name).write_text(f'#!/bin/sh\ncat > "{folder}/{name}.got"\n')
        (folder / name).chmod(0o755)


def test_the_programs_of_this_place_are_given_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "tmux", "xclip", "wl-copy")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert takers({}) == []
    assert takers({"TMUX": "x"}) == [("tmux", "load-buffer", "-w", "-")]
    assert [command[0] for command in takers({"TMUX": "x", "DISPLAY": ":0"})] == ["tmux", "xclip"]
    assert [command[0] for command in takers({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"})] == ["wl-copy"]
    assert takers({"DISPLAY": ":0", "SSH_CONNECTION": "x"}) == []

    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TMUX", "x")
    path = tmp_path / "copied.txt"
    assert asyncio.run(copied("中文", path, ENGLISH)) == " (tmux)"
    assert (tmp_path / "tmux.got").read_text() == "中文"
    assert not path.exists()


def test_where_nothing_takes_it_a_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmux").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "tmux").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMUX", "x")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "copied.txt"
    assert asyncio.run(copied("text", path, ENGLISH)).endswith("in ~/copied.txt")
    assert path.read_text() == "text"
    assert path.stat().st_mode & 0o777 == 0o600
    assert not keep("text", tmp_path)
    assert not asyncio.run(give("text", (str(tmp_path / "missing"),)))
