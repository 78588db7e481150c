"""A sheet of text over the conversation: help, or what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static


class Sheet(ModalScreen[None]):
    """Scrolled by arrow keys or as in vim, closed by Esc or `q`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1,f8", "dismiss", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "edge(-1)", show=False),
        Binding("end,G", "edge(1)", show=False),
    ]

    def __init__(self, kind: str, title: str, text: Callable[[int], str], hint: str) -> None:
        """`text` makes the sheet's text for so many cells of width."""
        super().__init__(classes="sheet")
        self.kind = kind
        self._heading = title
        self._text = text
        self._hint = hint
        self._body = Static("", markup=False)
        self._paper = VerticalScroll(self._body, classes="paper", can_focus=False)

    def compose(self) -> ComposeResult:
        yield Static(self._heading.capitalize(), markup=False, classes="title")
        yield self._paper
        yield Static(self._hint, markup=False, classes="hint")

    def on_mount(self) -> None:
        self.call_after_refresh(self._draw)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._draw)

    def action_move(self, by: int) -> None:
        self._paper.scroll_relative(y=by, animate=False)

    def action_page(self, by: int) -> None:
        (self._paper.scroll_page_down if by > 0 else self._paper.scroll_page_up)(animate=False)

    def action_edge(self, by: int) -> None:
        (self._paper.scroll_end if by > 0 else self._paper.scroll_home)(animate=False)

    def _draw(self) -> None:
        self._body.update(self._text(max(10, self._paper.content_size.width)))
