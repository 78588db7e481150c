"""The box in which questions are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import ClassVar
from unicodedata import category

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from tui.composer.dropped import dropped_files
from tui.composer.recall import Recall

USUAL_KEYS = {"enter": "send", "ctrl+j": "newline", "shift+enter": "newline", "alt+enter": "newline"}
LONG_PASTE = 20_000
"""Characters: a text that is longer than this goes with the question and not into the box, which would lay out all of
it anew at each key."""


class Prompt(TextArea):
    """By default Enter sends; Shift+Enter and Ctrl+J (where a terminal cannot tell the former from Enter) begin a new
    line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # In the box itself they would move the cursor over its few lines.
        Binding("pageup", "app.scroll_conversation(-1)", show=False),
        Binding("pagedown", "app.scroll_conversation(1)", show=False),
    ]

    class Submitted(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Dropped(Message):
        """Files were dropped on the terminal, or their paths pasted."""

        def __init__(self, paths: list[Path]) -> None:
            super().__init__()
            self.paths = paths

    class Flooded(Message):
        """A paste that is too long for the box."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self,
        placeholder: str,
        sent: Iterable[str] = (),
        keys: Mapping[str, str] = USUAL_KEYS,
        first: Callable[[str], bool] | None = None,
    ) -> None:
        """`keys` says which send and which begin a line; `first` is asked of each key whether it was meant for
        something else."""
        super().__init__(placeholder=placeholder, highlight_cursor_line=False)
        self.cursor_blink = False
        self._own_keys = keys
        self._asked_first = first
        self._recall = Recall()
        for text in sent:
            self._recall.add(text)

    def on_key(self, event: events.Key) -> None:
        wanted = next((self._own_keys[key] for key in event.aliases if key in self._own_keys), None)
        if self._asked_first is not None and self._asked_first(event.key):
            pass
        elif wanted == "send":
            self.submit()
        elif wanted == "newline":
            self.action_newline()
        elif event.character and category(event.character) == "Cf":
            # Not printable, so Textual ignores it, but it joins emoji and letters.
            self.insert(event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        if paths := dropped_files(event.text):
            self.post_message(self.Dropped(paths))
        elif len(event.text) > LONG_PASTE:
            self.post_message(self.Flooded(event.text))
        else:
            return
        event.stop()
        event.prevent_default()

    def submit(self) -> None:
        if self.text.strip():
            self.post_message(self.Submitted(self.text))

    def sent(self) -> None:
        """Empties the box, whose text can be recalled from now on."""
        self._recall.add(self.text)
        self.clear()

    def put_back(self, text: str) -> None:
        """Gives `text` back for another try, unless something new is being written."""
        if not self.text.strip():
            self.show_text(text)

    def remember(self, text: str) -> None:
        """Lets a text be recalled that was not written here."""
        self._recall.add(text)

    def recall_before(self, texts: Iterable[str]) -> None:
        """Lets `texts`, the oldest first, be recalled before all others."""
        self._recall.add_before(texts)

    def action_newline(self) -> None:
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        at_edge = self.navigator.is_first_wrapped_line(self.cursor_location)
        if at_edge and not select and (text := self._recall.back(self.text)) is not None:
            self.show_text(text)
        else:
            super().action_cursor_up(select)

    def action_cursor_down(self, select: bool = False) -> None:
        at_edge = self.navigator.is_last_wrapped_line(self.cursor_location)
        if at_edge and not select and (text := self._recall.forth()) is not None:
            self.show_text(text)
        else:
            super().action_cursor_down(select)

    def show_text(self, text: str) -> None:
        """In place of what is in the box; it can be undone."""
        self.replace(text, (0, 0), self.document.end)
        self.move_cursor(self.document.end)
