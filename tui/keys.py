"""The line of keys at the bottom, where short remarks are made as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from tui.actions.action import Action, key_name
from tui.words import Words

SECONDS_OF_A_REMARK = 3.0
GAP = "   "
Key = tuple[str, str, str]
"""The key's name, what it does, and the id of the action."""


def shown_keys(actions: Iterable[Action], words: Words) -> list[Key]:
    """Those that have a place in the line, in its order."""
    ranked = sorted((action.rank, action.id) for action in actions if action.rank is not None and action.keys)
    by_id = {action.id: action for action in actions}
    return [(key_name((action := by_id[name]).keys[0]), action.title(words), name) for _, name in ranked]


def fitting(keys: Sequence[Key], width: int) -> list[Key]:
    """As many of `keys` as fit into `width` cells, under shorter names where the long ones do not; the first matter
    most."""
    if _width(keys) > width:
        keys = [(key.replace("Ctrl+", "^"), what, action) for key, what, action in keys]
    n = len(keys)
    while n and _width(keys[:n]) > width:
        n -= 1
    return list(keys[:n])


def _width(keys: Sequence[Key]) -> int:
    return sum(cell_len(key) + 1 + cell_len(what) for key, what, _ in keys) + len(GAP) * (len(keys) - 1)


class KeysLine(Static):
    """Each key can be clicked."""

    def __init__(self, actions: Sequence[Action], words: Words) -> None:
        super().__init__("")
        self._keys = shown_keys(actions, words)
        self._answering = False
        self._remark: Timer | None = None

    def remark(self, text: str) -> None:
        """Says something in place of the keys for a moment."""
        self.forget()
        self.update(Content.styled(text, "$text-warning"), layout=False)
        self._remark = self.set_timer(SECONDS_OF_A_REMARK, self.forget)

    def answer(self, going_on: bool) -> None:
        """While an answer is written there is something to stop."""
        if going_on is not self._answering:
            self._answering = going_on
            if self._remark is None:
                self._draw()

    def forget(self) -> None:
        """Shows the keys again."""
        if self._remark is not None:
            self._remark.stop()
            self._remark = None
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        if self._remark is None:
            self._draw()

    def _draw(self) -> None:
        keys = [key for key in self._keys if self._answering or key[2] != "stop"]
        shown = [
            Content.from_markup(f"[@click=app.do('{action}')][bold]$key[/bold] $what[/]", key=key, what=what)
            for key, what, action in fitting(keys, self.content_size.width)
        ]
        self.update(Content(GAP).join(shown), layout=False)
