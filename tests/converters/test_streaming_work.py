"""The private folder of a conversion from a hub, which goes when it is done."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autoglm_lite.errors import ConversionError
from converters.streaming.work import LOCK, work_place, working


def test_another_conversion_never_begins_in_what_is_being_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, remove = work_place(tmp_path, "hf:org/repo"), shutil.rmtree

    def meanwhile(gone: Path, ignore_errors: bool) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(shutil, "rmtree", remove)
            (gone / LOCK).unlink()
            with working(path, "repo") as other:
                (other.folder / "new").touch()
                remove(gone, ignore_errors=ignore_errors)
                assert (other.folder / "new").exists()

    with monkeypatch.context() as patched, working(path, "repo") as work:
        (work.folder / "old").touch()
        patched.setattr(shutil, "rmtree", meanwhile)
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time(tmp_path: Path) -> None:
    path = work_place(tmp_path, "hf:org/repo")
    with (
        working(path, "repo"),
        pytest.raises(ConversionError, match="another conversion of this model"),
        working(path, "repo"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
