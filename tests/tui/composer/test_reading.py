"""A file is text for the model, or there is one sentence why not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tui.composer.reading import MOST_BYTES, UnreadableError, about_tokens, read_file
from tui.words import CHINESE, ENGLISH

NOVEL = "从前有座山，山里有座庙。\n"


@pytest.mark.parametrize(
    "data",
    [
        NOVEL.encode(),
        NOVEL.encode("utf-8-sig"),
        NOVEL.encode("utf-16"),
        NOVEL.encode("gb18030"),
        b"plain\n" + NOVEL.encode("gbk"),
    ],
)
def test_text_is_read_as_it_was_written(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "庙.txt").write_bytes(data)
    attachment = read_file(tmp_path / "庙.txt", ENGLISH.composer)
    assert attachment.name == "庙.txt"
    assert attachment.text.removeprefix("plain\n") == NOVEL


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("photo.JPG", b"\xff\xd8", "picture"),
        ("tool", b"\x7fELF\0\0", "no text"),
        ("latin.txt", "é à ü ñ ç é à ü ñ".encode("latin-1"), "no text"),
        ("cut.txt", b"\xff\xfe\x00\xd8", "no text"),
        ("nothing.txt", b" \n", "empty"),
        ("long.txt", b"x" * (MOST_BYTES + 1), "at most 4 MB"),
    ],
)
def test_what_is_no_text_is_refused_in_a_sentence(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    for words in (ENGLISH, CHINESE):
        with pytest.raises(UnreadableError) as refused:
            read_file(tmp_path / name, words.composer)
        assert name in str(refused.value)
        if words is ENGLISH:
            assert said in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path / "gone", "cannot be read"), (tmp_path, "folder"), (tmp_path / "pipe", "no ordinary")):
        with pytest.raises(UnreadableError, match=said):
            read_file(path, ENGLISH.composer)


def test_tokens_are_guessed() -> None:
    assert about_tokens("abcd" * 100) == 100
    assert about_tokens("字" * 150) == 100
    assert about_tokens("") == 0


PDF_READER = """#!/bin/sh
# Stands for poppler's: -q -enc UTF-8 FILE -
case "$4" in *broken*) exit 1;; *scan*) printf '\\f';; *book*) yes line;; *) printf 'page one\\f第二页\\n';; esac
"""


def test_a_pdf_is_read_where_pdftotext_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    for name in ("paper", "broken", "scan", "book"):
        (tmp_path / f"{name}.pdf").write_bytes(b"%PDF-1.7\n")
    with pytest.raises(UnreadableError, match="install pdftotext"):
        read_file(tmp_path / "paper.pdf", ENGLISH.composer)
    (tools / "pdftotext").write_text(PDF_READER)
    (tools / "pdftotext").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    assert read_file(tmp_path / "paper.pdf", ENGLISH.composer).text == "page one\n第二页\n"
    for name, said in (("broken", "no text"), ("scan", "no text"), ("book", "at most 4 MB")):
        with pytest.raises(UnreadableError, match=said):
            read_file(tmp_path / f"{name}.pdf", ENGLISH.composer)
