"""Lists, tables and quotes for widths of all kinds: nothing too wide, nothing lost, all where it is said to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it.token import Token
from textual.content import Content

from tui.conversation.columns import widths_of
from tui.conversation.outline import Code, Outline, Sheet
from tui.conversation.sheet import Laid, lay
from tui.conversation.stream import markdown_parser

WORDS = st.lists(st.sampled_from(["a", "word", "西瓜", "中文很长很长的一句话", "internationalization", "e=mc²", "no"]))
WIDTHS = st.integers(30, 90)


def content_of(token: Token) -> Content:
    return Content("".join("\n" if child.type == "hardbreak" else child.content for child in token.children or ()))


def read(markdown: str) -> list[Sheet | Code]:
    return Outline(content_of).read(markdown_parser().parse(markdown))


def sheet_of(markdown: str) -> Sheet:
    (sheet,) = read(markdown)
    assert isinstance(sheet, Sheet)
    return sheet


def lines_of(markdown: str, width: int) -> list[str]:
    return [line.content.plain.rstrip() for line in laid_of(sheet_of(markdown), width).lines]


def laid_of(sheet: Sheet, width: int) -> Laid:
    return lay(sheet.parts, sheet.texts, width)


def close(text: str) -> str:
    """Without spaces and what quotes have before their lines."""
    return "".join(text.replace("▌", "").split())


@st.composite
def nested(draw: st.DrawFn) -> str:
    """Lists and quotes in each other."""
    lines = []
    depth = 0
    for n in range(draw(st.integers(1, 12))):
        depth = draw(st.integers(0, min(depth + 1, 4))) if n else 0
        mark = draw(st.sampled_from(["- ", "1. ", "- > "]))
        lines.append("   " * depth + mark + "x" + " ".join(draw(WORDS)))
    return "\n".join(lines)


@st.composite
def tables(draw: st.DrawFn) -> str:
    n_columns = draw(st.integers(1, 9))
    rows = [["x" + " ".join(draw(WORDS)) for _ in range(n_columns)] for _ in range(draw(st.integers(1, 5)))]
    signs = draw(st.lists(st.sampled_from(["---", ":--", ":-:", "--:"]), min_size=n_columns, max_size=n_columns))
    rows.insert(1, signs)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


@given(nested(), WIDTHS)
def test_lists_fit_and_lose_nothing(markdown: str, width: int) -> None:
    sheet = sheet_of(markdown)
    laid = laid_of(sheet, width)
    assert all(line.content.cell_length <= width for line in laid.lines)
    shown = close("".join(line.content.plain for line in laid.lines))
    place = 0
    for text in sheet.texts:
        place = shown.index(close(text.plain), place) + len(close(text.plain))
    copied = "\n".join(laid.rows)
    assert all(line in copied for text in sheet.texts for line in text.plain.split("\n"))


@given(tables(), WIDTHS)
def test_tables_fit_and_lose_nothing(markdown: str, width: int) -> None:
    sheet = sheet_of(markdown)
    laid = laid_of(sheet, width)
    assert all(line.content.cell_length <= width for line in laid.lines)
    shown = "".join(line.content.plain for line in laid.lines)
    for letter in set(close("".join(text.plain for text in sheet.texts))):
        assert shown.count(letter) >= sum(text.plain.count(letter) for text in sheet.texts)


@given(st.one_of(nested(), tables()), WIDTHS)
def test_each_place_is_on_the_line_that_is_said(markdown: str, width: int) -> None:
    sheet = sheet_of(markdown)
    laid = laid_of(sheet, width)
    whole = Content("\n").join(sheet.texts).plain
    for place, letter in enumerate(whole):
        if not letter.isspace():
            assert letter in laid.lines[laid.line_at(place)].content.plain


@given(st.lists(st.integers(0, 60), min_size=1, max_size=8), st.integers(1, 100))
def test_columns_share_the_room(natural: list[int], room: int) -> None:
    widths = widths_of(natural, room)
    assert sum(widths) <= max(room, len(natural))
    assert all(1 <= width <= max(1, wanted) for width, wanted in zip(widths, natural, strict=True))
    cut = [width for width, wanted in zip(widths, natural, strict=True) if width < wanted]
    assert not cut or max(widths) - min(cut) <= 1
    assert not cut or sum(widths) >= min(room, sum(natural))


def test_wrapped_lines_stand_under_their_text() -> None:
    assert lines_of("- one two three four five\n  1. 西瓜西瓜西瓜西瓜西瓜西瓜\n- [x] done", 20) == [
        "• one two three four",
        "  five",
        "  1. 西瓜西瓜西瓜西",
        "     瓜西瓜西瓜",
        "• [x] done",
    ]


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("9. a\n10. b", [" 9. a", "10. b"]),
        ("2) a\n4) b", ["2) a", "4) b"]),
        ("1. a\n1. b", ["1. a", "2. b"]),
        ("- a\n  - b\n    - c", ["• a", "  ▪ b", "    ‣ c"]),
        ("-\n- b", ["•", "• b"]),
        ("- a\n\n  b", ["• a", "", "  b"]),
        ("> a\n>\n> - b", ["▌ a", "▌ • b"]),
        ("> a\n> > b", ["▌ a", "▌", "▌ ▌ b"]),
        ("- # a\n- $$\n  b\n  $$", ["• a", "• $$", "  b", "  $$"]),
        ("| a | b |\n|--:|:-:|\n| 西瓜 | ccc |", ["   a │  b", "─────┼────", "西瓜 │ ccc"]),
        ("- | a |\n  |---|\n  | b |", ["• a", "  ─", "  b"]),
    ],
)
def test_how_it_looks(markdown: str, shown: list[str]) -> None:
    assert lines_of(markdown, 40) == shown


def test_a_table_with_more_columns_than_room_has_its_cells_below_each_other() -> None:
    names = [f"name{n}" for n in range(8)]
    markdown = f"|{'|'.join(names)}|\n|{'-|' * 8}\n|{'|'.join('value' for _ in names)}|"
    assert lines_of(markdown, 30) == [f"{name}: value" for name in names]


def test_code_in_a_list_stands_by_itself_below_its_item() -> None:
    before, code, after = read("10. a\n    ```sh\n    echo\n    ```\n    b\n11. c")
    assert isinstance(before, Sheet)
    assert isinstance(code, Code)
    assert isinstance(after, Sheet)
    assert code.code == "echo"
    assert code.language == "sh"
    assert code.indent == 4
    assert [line.content.plain for line in laid_of(after, 40).lines] == ["    b", "11. c"]
