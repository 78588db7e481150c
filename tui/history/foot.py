"""The line of keys of a screen, where what was done is said as well."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.widgets import Static

from tui.keys import GAP, Key, fitting
from tui.text import printable


class KeysFoot(Static):
    """Each key can be clicked: it runs the screen's action of that name."""

    def __init__(self) -> None:
        super().__init__("", id="foot")
        self._shown: Sequence[Key] = ()
        self._said = ""

    def offer(self, keys: Sequence[Key]) -> None:
        self._shown = keys
        self._draw()

    def say(self, text: str) -> None:
        """In place of the keys until something else is said; nothing shows them again."""
        self._said = printable(text)
        self._draw()

    def on_resize(self, _: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._said:
            self.update(Content.styled(self._said, "$text-warning"), layout=False)
            return
        shown = [
            Content.from_markup(f"[@click=screen.{action}][bold]$key[/bold] $what[/]", key=key, what=what)
            for key, what, action in fitting(self._shown, self.content_size.width)
        ]
        self.update(Content(GAP).join(shown), layout=False)
