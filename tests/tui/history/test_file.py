"""File names that every file system takes, and files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.history.file import ExistsError, ExportError, export_folder, file_name, free_path, write_file
from tui.words.history import CHINESE, ENGLISH, Words


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Planting tomatoes", "Planting tomatoes.md"),
        ("海边的小花园", "海边的小花园.md"),
        ("a/b\\c: what?", "a b c what.md"),
        ("../../etc/passwd", "etc passwd.md"),
        ("tab\tand\x1b[2J\nline", "taband[2Jline.md"),
        ("evil \u202egpj", "evil gpj.md"),
        ("con", "_con.md"),
        ("Aux.tar", "_Aux.tar.md"),
        ("...", "conversation.md"),
        ("", "conversation.md"),
        ("👩‍👩‍👧 family", "👩‍👩‍👧 family.md"),
    ],
)
def test_the_title_is_a_name(title: str, name: str) -> None:
    assert file_name(title, ".md") == name


@given(st.text(max_size=400), st.sampled_from([".md", ".json"]), st.integers(1, 999))
def test_any_title_makes_a_safe_name(title: str, ending: str, number: int) -> None:
    name = file_name(title, ending, number)
    assert name.endswith(ending)
    assert len(name.encode()) <= 255
    assert not set(name) & set('/\\:*?"<>|\0\n\r\t')
    assert name.isprintable() or any(ord(letter) > 127 for letter in name)
    assert not name.startswith((".", " "))


def test_a_long_chinese_title_ends_between_characters() -> None:
    name = file_name("西红柿" * 100, ".json")
    assert 252 < len(name.encode()) <= 255
    assert name.removesuffix(".json").strip("西红柿") == ""


def test_what_is_there_is_replaced_only_when_told_to(tmp_path: Path) -> None:
    path = tmp_path / "talk.md"
    path.write_text("before")
    with pytest.raises(ExistsError, match=r"talk\.md exists: Enter again replaces it"):
        write_file(path, "after", ENGLISH)
    assert path.read_text() == "before"
    assert free_path(tmp_path, "talk", ".md") == tmp_path / "talk (2).md"
    assert write_file(path, "after 之后", ENGLISH, replace=True) == path
    assert path.read_bytes() == "after 之后".encode()
    assert [path.name for path in tmp_path.iterdir()] == ["talk.md"]


def test_a_link_is_followed_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("before")
    link = tmp_path / "link.md"
    link.symlink_to("real.md")
    write_file(link, "after", ENGLISH, replace=True)
    assert link.is_symlink()
    assert (tmp_path / "real.md").read_text() == "after"


@pytest.mark.parametrize("said", [ENGLISH, CHINESE])
def test_what_is_wrong_is_one_sentence(tmp_path: Path, said: Words) -> None:
    cases = [
        (tmp_path / "missing" / "talk.md", said.no_folder.format(folder=tmp_path / "missing")),
        (tmp_path, said.is_folder.format(path=tmp_path)),
        (tmp_path / ("x" * 300), said.name_too_long),
        (Path("/proc/talk.md"), said.no_folder.format(folder="/proc")),
    ]
    (tmp_path / "file").write_text("")
    cases.append((tmp_path / "file" / "talk.md", said.no_folder.format(folder=tmp_path / "file")))
    for path, sentence in cases:
        with pytest.raises(ExportError) as raised:
            write_file(path, "text", said)
        assert str(raised.value) == sentence
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "The disk is full"), (errno.EACCES, "You may not write in"), (errno.EIO, "Input/output error")],
)
def test_nothing_is_left_of_a_file_that_could_not_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fail(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ExportError, match=said):
        write_file(tmp_path / "talk.md", "text", ENGLISH)
    assert [path.name for path in tmp_path.iterdir()] == []


def test_without_links_nothing_is_overwritten_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links on FAT")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "talk.md"
    write_file(path, "one", ENGLISH)
    with pytest.raises(ExistsError):
        write_file(path, "two", ENGLISH)
    assert path.read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["talk.md"]


def test_the_folder_is_one_that_can_be_written_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home = tmp_path / "here", tmp_path / "home"
    for folder in (here, home / "Documents"):
        folder.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(here)
    assert export_folder() == here
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != here)
    assert export_folder() == home / "Documents"
    (home / "Documents").rmdir()
    assert export_folder() == home
