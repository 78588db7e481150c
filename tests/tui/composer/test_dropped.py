"""What terminals paste when a file is dropped on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui.composer.dropped import dropped_files, named_file


@pytest.fixture
def spaced(tmp_path: Path) -> Path:
    path = tmp_path / "我的 文件's (1).txt"
    path.write_text("x")
    return path


def escaped(path: Path) -> str:
    return "".join("\\" + letter if letter in " '()" else letter for letter in str(path))


def test_every_way_of_writing_a_path_is_understood(spaced: Path) -> None:
    quoted = "'" + str(spaced).replace("'", "'\\''") + "'"
    for pasted in (str(spaced), f"{spaced} \n", quoted, f'"{spaced}"', escaped(spaced), spaced.as_uri()):
        assert dropped_files(pasted) == [spaced], pasted
        assert named_file(pasted.strip()) == spaced, pasted


def test_several_files_at_once(spaced: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.txt"
    other.write_text("y")
    both = [spaced, other]
    for pasted in (f"{escaped(spaced)} {other}", f"{spaced}\n{other}", f"{spaced.as_uri()}\r\n{other.as_uri()}\r\n"):
        assert dropped_files(pasted) == both, pasted


def test_a_path_under_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.txt").write_text("x")
    assert dropped_files("~/x.txt") == [tmp_path / "x.txt"]


@pytest.mark.parametrize(
    "pasted",
    [
        "",
        "README.md",
        "/no/such/file",
        "see /etc/hostname for it",
        "/etc",
        "file://elsewhere/etc/hostname",
        "'/etc",
        "/\0",
        "/" + "x" * 5000,
        "~nobody-of-that-name/x",
    ],
)
def test_anything_else_is_text(pasted: str) -> None:
    assert dropped_files(pasted) == []


def test_a_name_that_is_no_file_stays_what_it_is() -> None:
    assert named_file("no such file") == Path("no such file")
    assert named_file("~nobody-of-that-name") == Path("~nobody-of-that-name")
