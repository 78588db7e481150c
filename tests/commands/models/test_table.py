"""Rows of text for a terminal of any width, in any script."""

from __future__ import annotations

import pytest

from autoglm_lite.commands.models.listing import ago, count
from autoglm_lite.commands.models.table import Column, amount, clipped, padded, printable, table, width

COLUMNS = (
    Column("NAME", ["qwen", "智谱清言-小模型", "a-long-name-of-a-model"]),
    Column("SIZE", ["1 GB", "12 GB", "3 MB"], right=True, keep=2),
    Column("USED", ["never", "today", "3 days ago"], keep=1),
)


def test_columns_stand_below_each_other_in_any_script() -> None:
    assert list(table(COLUMNS, None)) == [
        "NAME                     SIZE  USED",
        "qwen                     1 GB  never",
        "智谱清言-小模型         12 GB  today",
        "a-long-name-of-a-model   3 MB  3 days ago",
    ]


@pytest.mark.parametrize("room", range(1, 60))
def test_no_line_is_wider_than_the_terminal_and_the_names_stay(room: int) -> None:
    lines = list(table(COLUMNS, room))
    assert len(lines) == 4
    assert all(width(line) <= room for line in lines)
    assert lines[1].startswith("qwen"[: room - 1])
    if room >= 20 + 2 + 5:
        assert lines[0].endswith(("SIZE", "USED"))


def test_where_there_is_less_room_the_least_goes_first() -> None:
    assert next(line.split() for line in table(COLUMNS, 30)) == ["NAME", "SIZE"]
    assert next(line.split() for line in table(COLUMNS, 18)) == ["NAME"]


def test_widths_of_what_people_write() -> None:
    assert [width(text) for text in ("abc", "模型", "e\u0301", "ﬁ", "👍", "a\u200bb")] == [3, 4, 1, 1, 2, 2]
    assert clipped("模型模型", 5) == "模型…"
    assert clipped("模型模型", 4) == "模…"
    assert clipped("模型", 4) == "模型"
    assert padded("模", 4) == "模  "
    assert padded("模", 4, right=True) == "  模"


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[2Jb\n\u202ec\udcff") == "a�[2Jb��c\\udcff"


def test_figures_as_people_say_them() -> None:
    assert [amount(n) for n in (0, 5_000, 986_158_272, 4_200_000_000)] == ["0 kB", "5 kB", "986 MB", "4.2 GB"]
    assert [count(n) for n in (12, 3_600_000, 494_000_000, 1_543_714_304, 671 * 10**9)] == [
        "12",
        "4M",
        "494M",
        "1.5B",
        "671B",
    ]
    assert [ago(then, 100 * 86400.0) for then in (None, 100 * 86400.0, 98.9 * 86400, 99.0 * 86400)] == [
        "never",
        "today",
        "1 day ago",
        "1 day ago",
    ]
    assert ago(0.0, 100 * 86400.0) == "1970-01-01"
