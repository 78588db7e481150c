"""Drafts outlive the app, and two apps do not take each other's."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tui.history.drafts import NEW, Drafts


def test_a_draft_is_kept_until_it_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "drafts"
    drafts = Drafts(folder)
    drafts.keep("tobi-kalu", "")
    assert not folder.exists()
    drafts.keep("tobi-kalu", "why\n为什么")
    assert Drafts(folder).read("tobi-kalu") == "why\n为什么"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "tobi-kalu")] == [0o700, 0o600]
    assert drafts.take("tobi-kalu") == "why\n为什么"
    assert drafts.read("tobi-kalu") == ""
    assert list(folder.iterdir()) == []


def test_the_new_conversation_of_a_dead_app_is_taken_over(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / f"{NEW}.{other.pid}").write_text("of an app that runs")
        drafts = Drafts(tmp_path)
        assert drafts.read(NEW) == ""
        other.kill()
    assert drafts.read(NEW) == "of an app that runs"
    assert [path.name for path in tmp_path.iterdir()] == [f"{NEW}.{os.getpid()}"]
    (tmp_path / f"{NEW}.{other.pid}").write_text("another")
    assert drafts.read(NEW) == "of an app that runs"


def test_a_folder_that_cannot_be_made_loses_no_more_than_the_draft(tmp_path: Path) -> None:
    (tmp_path / "drafts").write_text("a file is in its place")
    drafts = Drafts(tmp_path / "drafts")
    drafts.keep("tobi-kalu", "text")
    assert drafts.read("tobi-kalu") == ""
    assert drafts.read(NEW) == ""
