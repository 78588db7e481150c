"""What terminals say of themselves, among keys."""

from __future__ import annotations

import pytest

from tui.settings.manners import is_plain
from tui.terminal.replies import dark_by_environ, read_replies

KIND = "\x1b[?62;22c"


@pytest.mark.parametrize(
    ("text", "complete", "dark", "typed"),
    [
        ("", False, None, ""),
        ("hello", False, None, "hello"),
        (f"{KIND}", True, None, ""),
        (f"\x1b]11;rgb:ffff/ffff/dddd\x1b\\{KIND}", True, False, ""),
        (f"\x1b]11;rgb:00/2b/36\x07{KIND}", True, True, ""),
        (f"a\x1b]11;rgba:0000/0000/0000/ffff\x07b\x1b[Ac{KIND}你", True, True, "ab\x1b[Ac你"),
        ("\x1b]11;rgb:ffff/ff", False, None, "\x1b]11;rgb:ffff/ff"),
    ],
)
def test_replies_are_told_from_keys(text: str, complete: bool, dark: bool | None, typed: str) -> None:
    found = read_replies(text)
    assert (found.complete, found.dark, found.typed) == (complete, dark, typed)


@pytest.mark.parametrize(
    ("value", "dark"),
    [("15;0", True), ("0;15", False), ("0;default;15", False), ("x", None), ("", None)],
)
def test_colorfgbg(value: str, dark: bool | None) -> None:
    assert dark_by_environ({"COLORFGBG": value}) is dark


@pytest.mark.parametrize(
    ("environ", "plain"),
    [
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "linux"}, True),
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, False),
        ({"TERM": "tmux-256color", "NO_COLOR": "1"}, True),
        ({"TERM": "tmux-256color", "NO_COLOR": ""}, False),
    ],
)
def test_where_colours_are_few(environ: dict[str, str], plain: bool) -> None:
    assert is_plain(environ) is plain
