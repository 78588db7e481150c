"""What is noted of a file on its way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autoglm_lite.store.download.note import Note, read_note, write_note
from tests.store.full_disk import full_at

NOTE = Note("http://127.0.0.1/a", 100, "ab" * 32, '"e"', ((0, 10), (20, 30)), {"wanted": {"name": "ä"}})


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_note(tmp_path / "a.json", NOTE)
    assert read_note(tmp_path / "a.json", 30) == NOTE
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_nothing_is_there_that_the_file_does_not_have(tmp_path: Path) -> None:
    write_note(tmp_path / "a.json", NOTE)
    for n_bytes, done in ((25, ((0, 10), (20, 25))), (15, ((0, 10),)), (0, ())):
        note = read_note(tmp_path / "a.json", n_bytes)
        assert note is not None
        assert note.done == done


def test_a_full_disk_at_any_step_leaves_the_note_before(tmp_path: Path) -> None:
    write_note(tmp_path / "a.json", NOTE)
    step, fell = 0, True
    while fell:
        new = Note("http://127.0.0.1/a", 100, None, None, ((0, 40),))
        with full_at(step) as disk:
            try:
                write_note(tmp_path / "a.json", new)
            except OSError:
                assert read_note(tmp_path / "a.json", 100) == NOTE
            else:
                assert not disk.fell
        fell, step = disk.fell, step + 1
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert step > 2
    assert read_note(tmp_path / "a.json", 100) == new


@pytest.mark.parametrize(
    "change",
    [
        {"address": 3},
        {"n_bytes": "many"},
        {"n_bytes": -1},
        {"n_bytes": True},
        {"sha256": 5},
        {"done": [[5, 2]]},
        {"done": [[-5, 2]]},
        {"done": [1]},
        {"done": None},
        {"beside": 3},
    ],
)
def test_nonsense_is_no_note(tmp_path: Path, change: dict[str, object]) -> None:
    write_note(tmp_path / "a.json", NOTE)
    known = json.loads((tmp_path / "a.json").read_text())
    (tmp_path / "a.json").write_text(json.dumps({**known, **change}))
    assert read_note(tmp_path / "a.json", 100) is None


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", "null", "[" * 100_000])
def test_what_is_no_json_of_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert read_note(tmp_path / "a.json", 100) is None
    assert read_note(tmp_path / "b.json", 100) is None
