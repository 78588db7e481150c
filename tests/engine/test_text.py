"""Whole characters and stop strings, whatever the tokens cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.engine.text import TextStream


def stream(data: bytes, cuts: list[int], stop: list[str]) -> tuple[str, list[str], bool]:
    text = TextStream(stop)
    edges = sorted({0, len(data), *(c % (len(data) + 1) for c in cuts)})
    pieces = [text.feed(data[a:b]) for a, b in pairwise(edges)]
    pieces.append(text.finish())
    return "".join(pieces), pieces, text.stopped


@given(st.text(), st.lists(st.integers(0, 500)))
def test_pieces_join_to_the_text_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    joined, pieces, _ = stream(text.encode("utf-8", "surrogatepass"), cuts, [])
    assert joined == text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert all(p.encode("utf-8") for p in pieces if p)


@given(st.binary(), st.lists(st.integers(0, 500)))
def test_any_bytes_become_whole_characters(data: bytes, cuts: list[int]) -> None:
    joined, _, _ = stream(data, cuts, [])
    assert joined == data.decode("utf-8", "replace")


@given(st.text("ab。x"), st.lists(st.text("ab。", min_size=1, max_size=4), max_size=3), st.lists(st.integers(0, 99)))
def test_the_answer_ends_before_the_first_stop_string(text: str, stop: list[str], cuts: list[int]) -> None:
    joined, _, stopped = stream(text.encode(), cuts, stop)
    if any(s in text for s in stop):
        assert stopped
        assert text.startswith(joined)
        assert not any(s in joined for s in stop)
    else:
        assert joined == text
        assert not stopped


def test_a_possible_start_of_a_stop_string_is_held_back() -> None:
    text = TextStream(["<end>"])
    assert text.feed(b"one <en") == "one "
    assert text.feed(b"ergy> two") == "<energy> two"
    assert text.feed(b" <end> three") == " "
    assert text.stopped
