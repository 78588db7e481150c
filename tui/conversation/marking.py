"""Matches made visible in the widgets of a message."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tui.conversation.block import Block
from tui.conversation.finding import places
from tui.conversation.message import MessageView

# Reversed, so that they are seen in 16 colours and in none.
MATCH = "reverse"
CURRENT = "bold underline reverse"


class Marks:
    """The matches in one message; `clear` takes their marks away."""

    def __init__(self) -> None:
        self._marked: list[tuple[Widget, Content]] = []

    def clear(self) -> None:
        for widget, before in self._marked:
            if widget.is_attached:
                _draw(widget, before)
        self._marked.clear()

    def put(self, message: MessageView, wanted: str, current: int) -> tuple[Widget, int] | None:
        """Marks all matches in `message`, the one with the number `current` more than others; returns its widget and
        its place in what that shows."""
        self.clear()
        n_before = 0
        found: tuple[Widget, int] | None = None
        for widget in _holders(message):
            content = drawn(widget)
            spans = places(content.plain, wanted)
            if not spans:
                continue
            marked = content
            for number, (start, end) in enumerate(spans, n_before):
                marked = marked.stylize(CURRENT if number == current else MATCH, start, end)
            if n_before <= current < n_before + len(spans):
                found = widget, spans[current - n_before][0]
            n_before += len(spans)
            self._marked.append((widget, content))
            _draw(widget, marked)
        return found


def _holders(message: MessageView) -> list[Widget]:
    """Of the text of each block."""
    return [widget for widget in message.query(Static) if isinstance(widget, Block) or widget.has_class("question")]


def drawn(widget: Widget) -> Content:
    """What a widget shows."""
    if isinstance(widget, Block):
        return widget.shown
    assert isinstance(widget, Static)
    shown = widget.visual
    return shown if isinstance(shown, Content) else Content("")


def line_at(widget: Widget, place: int) -> int:
    """The line of a widget that this place of what it shows is drawn on."""
    if isinstance(widget, Block):
        return widget.line_at(place)
    before = Content(drawn(widget).plain[:place])
    return before.get_height({}, max(1, widget.content_size.width)) - 1


def _draw(widget: Widget, content: Content) -> None:
    if isinstance(widget, Block):
        widget.mark(content)
    elif isinstance(widget, Static):
        widget.update(content, layout=False)
