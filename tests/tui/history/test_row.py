"""Rows of the list fill their width exactly, whatever is in them."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from autoglm_lite.chat.history import Conversation, Hit
from tui.history.row import Row, one_line, snippet_line, title_line
from tui.history.when import when
from tui.words.history import CHINESE, ENGLISH, Words

NOON = datetime(2026, 3, 15, 12, 0)


def talk(title: str, model: str = "/models/qwen2.5-1.5b.gguf", updated: float = NOON.timestamp()) -> Conversation:
    return Conversation("tobi-kalu", title, model, None, updated, updated)


def hit(snippet: str, *marked: tuple[int, int], role: str = "assistant") -> Hit:
    assert role in ("user", "assistant")
    return Hit(talk("Title"), 7, "user" if role == "user" else "assistant", snippet, marked)


@pytest.mark.parametrize(
    ("ago", "english", "chinese"),
    [
        (timedelta(minutes=5), "today 11:55", "今天 11:55"),
        (timedelta(hours=12, minutes=1), "yesterday", "昨天"),
        (timedelta(days=3), "12 Mar", "3月12日"),
        (timedelta(days=80), "25 Dec 2025", "2025年12月25日"),
        (timedelta(days=-400), "19 Apr 2027", "2027年4月19日"),
    ],
)
def test_times_are_said_as_a_person_would(ago: timedelta, english: str, chinese: str) -> None:
    then, now = (NOON - ago).timestamp(), NOON.timestamp()
    assert [when(then, now, words) for words in (ENGLISH, CHINESE)] == [english, chinese]


def test_a_wide_row_has_all_and_a_narrow_one_what_matters() -> None:
    def line(width: int, is_open: bool = False, words: Words = ENGLISH) -> str:
        pieces = title_line(
            Row(talk("海边的小花园里种西红柿要注意什么"), None, 24), width, NOON.timestamp(), is_open, words
        )
        return "".join(text for text, _ in pieces)

    assert line(78).split() == ["海边的小花园里种西红柿要注意什么", "24", "qwen2.5-1.5b", "today", "12:00"]
    assert line(40, is_open=True).split() == ["●", "海边的小花园里种西红柿…", "today", "12:00"]
    assert line(20).split() == ["海边的小花园里种…"]
    assert line(78, words=CHINESE).split()[-2:] == ["今天", "12:00"]


@given(st.text(max_size=90), st.integers(8, 120), st.booleans(), st.sampled_from([ENGLISH, CHINESE]))
def test_every_row_is_as_wide_as_the_list(title: str, width: int, is_open: bool, words: Words) -> None:
    pieces = title_line(Row(talk(title, model=title), None, len(title)), width, NOON.timestamp(), is_open, words)
    assert cell_len("".join(text for text, _ in pieces)) == width
    assert not any(letter in "\n\t\x1b" for text, _ in pieces for letter in text)


@given(st.text(max_size=120), st.data(), st.integers(20, 120))
def test_what_was_found_is_in_view(snippet: str, data: st.DataObject, width: int) -> None:
    begin = data.draw(st.integers(0, len(snippet)))
    end = data.draw(st.integers(begin, min(begin + 4, len(snippet))))
    pieces = snippet_line(hit(snippet, (begin, end)), width, ENGLISH)
    assert cell_len("".join(text for text, _ in pieces)) <= width
    assert "".join(text for text, kind in pieces if kind == "mark") == one_line(snippet[begin:end])


def test_a_mark_far_to_the_right_is_shown_with_what_stands_before_it() -> None:
    snippet = "many words that lead to nothing much before the tomatoes come"
    begin = snippet.index("tomatoes")
    pieces = snippet_line(hit(snippet, (begin, begin + 8), role="user"), 40, ENGLISH)
    text = "".join(piece for piece, _ in pieces)
    assert text.startswith("    you …")
    assert "efore the tomatoes come" in text
    assert ("tomatoes", "mark") in pieces
