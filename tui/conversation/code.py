"""The widget of a block of code."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import ScrollableContainer
from textual.content import Content
from textual.css.styles import RulesMap
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual

from tui.conversation.block import Block

TAB = 8
"""Cells."""


class Letters(Visual):
    """Code as it stands. What it looks like is only asked when it is drawn: most of it is out of sight."""

    def __init__(self, code: str, looks: Callable[[], Content]) -> None:
        lines = code.split("\n")
        self._height = len(lines)
        self._width = max(map(cell_len, lines))
        self._looks = looks

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return self._width

    def get_height(self, rules: RulesMap, width: int) -> int:
        return self._height

    def render_strips(self, width: int, height: int | None, style: Style, options: RenderOptions) -> list[Strip]:
        return self._looks().render_strips(width, height, style, options)


class CodeText(Block):
    def __init__(self, code: str, language: str) -> None:
        self._letters = code.expandtabs(TAB)
        self._language = language
        self._coloured: Content | None = None
        self._marked: Content | None = None
        super().__init__(Letters(self._letters, lambda: self._marked or self.shown), expand=True, markup=False)
        # An address in code is no link.
        self.auto_links = False

    @property
    def shown(self) -> Content:
        if self._coloured is None:
            self._coloured = highlighted(self._letters, self._language, ansi=self.app.native_ansi_color)
        return self._coloured

    def mark(self, content: Content) -> None:
        self._marked = content
        self.refresh()

    def line_at(self, place: int) -> int:
        return self._letters.count("\n", 0, place)

    def notify_style_update(self) -> None:
        # The terminal's own colours are other ones.
        self._coloured = None
        super().notify_style_update()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract(self._letters), "\n"


class CodeBlock(ScrollableContainer, can_focus=False):
    """As wide as the answer; longer lines are moved sideways with the mouse."""

    def __init__(self, code: str, language: str, indent: int = 0) -> None:
        """`indent`: cells."""
        super().__init__()
        self.code = code
        self._language = language
        if indent:
            self.styles.padding = (0, 0, 0, indent)

    def compose(self) -> ComposeResult:
        yield CodeText(self.code, self._language)


def highlighted(code: str, language: str, *, ansi: bool) -> Content:
    """In colours of the theme, or in those of the terminal. What names no language is not guessed at: that takes each
    of some hundred lexers."""
    from textual.highlight import ANSIDarkHighlightTheme, HighlightTheme, highlight

    return highlight(code, language=language or "text", theme=ANSIDarkHighlightTheme if ansi else HighlightTheme)
