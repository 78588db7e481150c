"""The box in which questions are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar
from unicodedata import category

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from tui.composer.recall import Recall


class Prompt(TextArea):
    """Enter sends; Shift+Enter and Ctrl+J (where a terminal cannot tell the former from Enter) begin a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("shift+enter,ctrl+j,alt+enter", "newline", show=False),
        # In the box itself they would move the cursor over its few lines.
        Binding("pageup", "app.scroll_conversation(-1)", show=False),
        Binding("pagedown", "app.scroll_conversation(1)", show=False),
    ]

    class Submitted(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, placeholder: str, sent: Iterable[str] = ()) -> None:
        super().__init__(placeholder=placeholder, highlight_cursor_line=False)
        self.cursor_blink = False
        self._recall = Recall()
        for text in sent:
            self._recall.add(text)

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            if self.text.strip():
                self.post_message(self.Submitted(self.text))
        elif event.character and category(event.character) == "Cf":
            # Not printable, so Textual ignores it, but it joins emoji and letters.
            event.stop()
            event.prevent_default()
            self.insert(event.character)

    def sent(self) -> None:
        """Empties the box, whose text can be recalled from now on."""
        self._recall.add(self.text)
        self.clear()

    def put_back(self, text: str) -> None:
        """Gives `text` back for another try, unless something new is being written."""
        if not self.text.strip():
            self._show(text)

    def remember(self, text: str) -> None:
        """Lets a text be recalled that was not written here."""
        self._recall.add(text)

    def action_newline(self) -> None:
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        at_edge = self.navigator.is_first_wrapped_line(self.cursor_location)
        if at_edge and not select and (text := self._recall.back(self.text)) is not None:
            self._show(text)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        at_edge = self.navigator.is_last_wrapped_line(self.cursor_location)
        if at_edge and not select and (text := self._recall.forth()) is not None:
            self._show(text)
        else:
            super().action_cursor_down(select)

    def _show(self, text: str) -> None:
        self.text = text
        self.move_cursor(self.document.end)
