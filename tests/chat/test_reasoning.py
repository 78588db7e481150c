"""The split into reasoning and answer does not depend on where the stream was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.chat.reasoning import Part, ReasoningSplitter
from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN

PIECES = st.lists(
    st.sampled_from(
        [REASONING_OPEN, REASONING_CLOSE, "<", "think", "/think>", "<think", " ", "\n", "answer", "why?", "好"]
    ),
    max_size=12,
)


def split(pieces: list[str], *, inside: bool = False) -> tuple[str, str]:
    splitter = ReasoningSplitter(inside=inside)
    parts: dict[Part, str] = {"reasoning": "", "answer": ""}
    for piece in pieces:
        for part, text in splitter.feed(piece):
            assert text
            parts[part] += text
    for part, text in splitter.close():
        assert text
        parts[part] += text
    return parts["reasoning"], parts["answer"]


def split_whole(text: str, *, inside: bool) -> tuple[str, str]:
    """The same in one go, as the definition."""
    if not inside:
        if not text.lstrip().startswith(REASONING_OPEN):
            return "", text
        text = text.lstrip().removeprefix(REASONING_OPEN)
    reasoning, closed, answer = text.partition(REASONING_CLOSE)
    return reasoning.strip(), answer.lstrip() if closed else ""


@pytest.mark.parametrize(
    ("text", "inside", "expected"),
    [
        ("<think>\nLet me see.\n</think>\n\n42", False, ("Let me see.", "42")),
        ("Let me see.\n</think>\n\n42", True, ("Let me see.", "42")),
        ("<think>\n\n</think>\n\n42", False, ("", "42")),
        ("42", False, ("", "42")),
        (" 42 \n", False, ("", " 42 \n")),
        ("Write <think> to think.", False, ("", "Write <think> to think.")),
        ("<think>a</think>b<think>c</think>", False, ("a", "b<think>c</think>")),
        ("<think>a < b", False, ("a < b", "")),
        ("<thin", False, ("", "<thin")),
        ("", True, ("", "")),
    ],
)
def test_known_texts(text: str, inside: bool, expected: tuple[str, str]) -> None:
    assert split([text], inside=inside) == expected
    assert split(list(text), inside=inside) == expected


@given(PIECES, st.booleans())
def test_any_cut_gives_the_same(pieces: list[str], inside: bool) -> None:
    expected = split_whole("".join(pieces), inside=inside)
    assert split(pieces, inside=inside) == expected
    assert split(list("".join(pieces)), inside=inside) == expected


def test_pieces_come_out_as_soon_as_they_are_certain() -> None:
    splitter = ReasoningSplitter()
    assert splitter.feed("<think>Well") == [("reasoning", "Well")]
    assert splitter.feed(" ") == []
    assert splitter.feed("then") == [("reasoning", " then")]
    assert splitter.feed("</think>\n") == []
    assert splitter.feed("So") == [("answer", "So")]
    assert splitter.feed(" be it ") == [("answer", " be it ")]
