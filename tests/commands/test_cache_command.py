"""`autoglm-lite cache`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.paths import states_dir
from autoglm_lite.states.file import write_state


def keep(name: str, n_bytes: int) -> Path:
    """A state as another process keeps it."""
    path = states_dir() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_state(path, b"k" * 32, lambda part: part.write_bytes(bytes(n_bytes)))
    return path


def test_nothing_is_kept_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == f"Nothing is kept in {states_dir()}.\nNothing was kept.\n"


def test_what_is_kept_is_shown_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = keep("a.kv", 2_000_000), keep("b.kv", 1_000_000)
    left = states_dir() / ".c.kv.999999999.part"
    left.write_bytes(b"x")
    assert main(["cache", "show"]) == 0
    assert capsys.readouterr().out.startswith("2 conversations, 3 MB of at most ")
    two.unlink()
    assert main(["cache", "clear"]) == 0
    assert capsys.readouterr().out == "Removed what was kept of 1 conversation: 2 MB.\n"
    assert not one.exists()
    assert not left.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    keep("a.kv", 100)
    states_dir().chmod(0o500)
    try:
        assert main(["cache", "clear"]) == 1
    finally:
        states_dir().chmod(0o700)
    assert "cannot be cleared: Permission denied." in capsys.readouterr().err
