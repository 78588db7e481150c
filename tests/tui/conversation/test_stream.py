"""The buffer between a model's pieces and the Markdown widgets: nothing is lost, no block is torn."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it.token import Token

from tui.conversation.stream import TailBuffer, certain_length, finished_length, markdown_parser
from tui.text import printable

BLOCKS = (
    "A paragraph.\nOf two lines.\n",
    "第一段，中文。\n",
    "# Heading\n",
    "Under\n===\n",
    "- one\n- two\n",
    "1. first\n\n2. second\n",
    "1. Run:\n   ```sh\n   ls\n\n   pwd\n   ```\n2. Done\n",
    "* deep\n  * deeper\n\n    more\n",
    "```python\ndef f():\n\n    return '```'\n```\n",
    "~~~\n```\n\n~~~\n",
    "````\n```\n\n```\n````\n",
    "| a | b |\n|---|---|\n| 1 | 二 |\n",
    "> quoted\n> more\n",
    "> ```\n> x\n",
    "---\n",
    "    indented\n\n    code\n",
    "<b>tag</b>\n",
    "👋🏽 **bold** `code` $x^2$\n",
)
documents = st.lists(st.sampled_from(BLOCKS), max_size=8).flatmap(
    lambda blocks: st.lists(st.sampled_from(["", "\n", "\n\n"]), min_size=len(blocks), max_size=len(blocks)).map(
        lambda gaps: "".join(block + gap for block, gap in zip(blocks, gaps, strict=True))
    )
)
loose_text = st.text(st.sampled_from("ab #-*>`~|1.\n\t:=[]中"), max_size=60)
texts = documents | loose_text | st.tuples(documents, loose_text).map("".join)


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    text = draw(texts)
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    return text, [text[i:j] for i, j in zip([0, *places], [*places, len(text)], strict=True)]


def outline(text: str) -> list[tuple[str, str, str, int]]:
    return [(t.type, t.tag, t.content, t.level) for t in _tokens(text)]


def _tokens(text: str) -> list[Token]:
    return markdown_parser().parse(text)


def run(pieces: list[str]) -> list[str]:
    buffer = TailBuffer()
    taken = []
    for piece in pieces:
        buffer.feed(piece)
        taken.append(buffer.take())
    return [*taken, buffer.take_all()]


@settings(max_examples=200, deadline=None)
@given(cut_texts())
def test_all_that_was_taken_is_the_whole_text(cut: tuple[str, list[str]]) -> None:
    text, pieces = cut
    assert "".join(run(pieces)) == text


@settings(max_examples=300, deadline=None)
@given(cut_texts())
def test_the_parts_are_the_blocks_of_the_whole(cut: tuple[str, list[str]]) -> None:
    text, pieces = cut
    parts = run(pieces)
    assert [line for part in parts for line in outline(part)] == outline(text)


@settings(max_examples=200, deadline=None)
@given(texts, texts)
def test_what_is_finished_stays_so_whatever_follows(text: str, more: str) -> None:
    finished = text[: finished_length(text[: certain_length(text)])]
    assert outline(finished) == outline(text + more)[: len(outline(finished))]


def test_a_fence_is_never_torn() -> None:
    fence = "```python\nx = 1\n\n# not a heading\n\n- no list\n```\n"
    parts = [part for part in run(list("Before\n\n" + fence + "after")) if part]
    assert parts == ["Before\n\n", fence, "after"]


def test_a_list_is_taken_once_and_whole() -> None:
    parts = [part for part in run(list("- a\n\n- b\n\n- c\n\nThen")) if part]
    assert parts == ["- a\n\n- b\n\n- c\n\n", "Then"]


def test_line_breaks_are_kept_and_tags_are_text() -> None:
    (inline,) = (token for token in markdown_parser().parse("one\n<b>two") if token.children)
    assert [(child.type, child.content) for child in inline.children or ()] == [
        ("text", "one"),
        ("hardbreak", ""),
        ("text", "<b>two"),
    ]


def test_a_paragraph_is_finished_by_an_empty_line() -> None:
    assert finished_length("word\n") == 0
    assert finished_length("word\n\n") == len("word\n\n")


@given(st.text(max_size=40), st.integers(0, 40))
def test_printable_text_has_one_kind_of_line_and_no_controls(text: str, cut: int) -> None:
    safe = printable(text)
    assert safe == printable(text[:cut]) + printable(text[cut:])
    assert safe.splitlines() == (safe[:-1] if safe.endswith("\n") else safe).split("\n") or not safe
    assert not any(ord(c) < 32 and c not in "\t\n" for c in safe)
    assert "\x1b" not in safe


def test_ordinary_text_stays_as_it_is() -> None:
    assert printable("a\tb\r\n中文 👋🏽\n") == "a\tb\n中文 👋🏽\n"
