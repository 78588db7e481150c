"""Bars and lines are exactly as wide as they should be, whatever is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.machine.bars import BLOCK, cells, fit, gauge, sides, spark, stacked, wrapped

WIDTHS = st.integers(20, 60)
TEXTS = st.text(st.sampled_from("ab 内存，e\u0301💻(F3)"), max_size=30)
AMOUNTS = st.lists(st.floats(0, 1e12), max_size=8)


@given(st.lists(TEXTS, max_size=6), WIDTHS)
def test_a_line_is_cut_and_filled_up(texts: list[str], width: int) -> None:
    assert cells(fit([(text, "") for text in texts], width)) == width


@given(TEXTS, st.lists(TEXTS, max_size=3), WIDTHS)
def test_the_first_right_side_is_taken_that_fits(left: str, rights: list[str], width: int) -> None:
    line = sides(((left, ""),), rights, width)
    assert cells(line) == width
    fitting = [right for right in rights if cell_len(left) + 1 + cell_len(right) <= width]
    if fitting:
        assert line[-1][0] == fitting[0]


@given(AMOUNTS, st.floats(0, 2e12), WIDTHS, st.booleans())
def test_a_bar_has_its_parts_in_proportion(amounts: list[float], total: float, width: int, plain: bool) -> None:
    parts = [(amount, str(i), "ABCDEFGH"[i]) for i, amount in enumerate(amounts)]
    line = stacked(parts, total, width, plain=plain)
    assert cells(line) == width
    whole = max(total, sum(amounts), 1e-9)
    for i, amount in enumerate(amounts):
        n = sum(len(text) for text, kind in line if kind == str(i))
        assert abs(n - width * amount / whole) <= 1
    if plain:
        assert "".join(text for text, _ in line).isascii()


@given(st.floats(-1, 2), WIDTHS, st.booleans())
def test_a_gauge_is_as_full_as_its_share(share: float, width: int, plain: bool) -> None:
    line = gauge(share, width, plain=plain)
    assert cells(line) == width
    assert abs(len(line[0][0]) - width * min(max(share, 0), 1)) <= 1
    if plain:
        assert "".join(text for text, _ in line).isascii()


def test_gauges_that_are_empty_and_full() -> None:
    assert gauge(0, 4, plain=False)[0][0] == ""
    assert gauge(1, 4, plain=False)[0][0] == BLOCK * 4
    assert gauge(0.5, 4, plain=True) == (("##", ""), ("..", "muted"))


@given(st.lists(st.floats(0, 1e6), max_size=90), st.floats(0, 1e6), st.integers(0, 60), st.booleans())
def test_a_spark_line_shows_the_last_values(values: list[float], top: float, width: int, plain: bool) -> None:
    line = spark(values, top, width, plain=plain)
    assert cell_len(line) == width
    shown = values[-width:] if width else []
    assert line.lstrip(" ") == line[width - len(shown) :]
    higher = sorted(zip(shown, line[width - len(shown) :], strict=True))
    heights = [("_.-:=+*#" if plain else "▁▂▃▄▅▆▇█").index(column) for _, column in higher]
    assert heights == sorted(heights)


@given(TEXTS, WIDTHS)
def test_a_wrapped_sentence_loses_no_letter(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_where_sentences_are_broken() -> None:
    assert wrapped("close tabs or take another", 12) == ["close tabs", "or take", "another"]
    assert wrapped("请关闭标签页，或换模型（F3）。", 14) == ["请关闭标签页，", "或换模型", "（F3）。"]
    assert wrapped("请关闭标签页", 6) == ["请关闭", "标签页"]
