"""What the model thought before it answered, folded to one line."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tui.text import printable
from tui.words.conversation import Words

CLOSED, OPEN = "▸", "▾"


class Thoughts(Vertical):
    """Nothing but the one line is drawn while it is folded."""

    def __init__(self, words: Words, text: str = "") -> None:
        super().__init__()
        self._words = words
        self._text = text
        self._n_tokens = 0
        """Of what was thought; 0 where that is not known."""
        self._title = words.thoughts.format(length=self._length())
        self._open = False
        self._stale = True
        """Whether the text has grown since it was last drawn."""
        self._head = Static(self._line(), markup=False, classes="title")
        self._body: Static | None = None
        """What was thought; None until it is asked for."""

    def compose(self) -> ComposeResult:
        yield self._head

    def add(self, text: str, n_tokens: int = 0) -> None:
        """Draws nothing yet."""
        self._text += text
        self._n_tokens += n_tokens
        self._stale = True

    def paint(self, seconds: float, *, over: bool) -> None:
        """Shows what was added; `seconds` of thinking so far, or in all."""
        said = self._words.thought if over else self._words.thinking
        self._title = said.format(seconds=round(seconds), length=self._length())
        self._head.update(self._line(), layout=False)
        self._draw()

    def toggle(self) -> None:
        self._open = not self._open
        self._head.update(self._line(), layout=False)
        if self._body is None:
            self._body = Static("", markup=False, classes="body")
            self.mount(self._body)
        self._body.display = self._open
        self._draw()

    def on_click(self) -> None:
        # A click also ends a selection of text, which is not meant to fold anything.
        if not self.screen.get_selected_text():
            self.toggle()

    def _length(self) -> str:
        words, n_tokens = self._words, self._n_tokens
        return words.tokens.format(n=n_tokens) if n_tokens else words.characters.format(n=len(self._text))

    def _draw(self) -> None:
        if self._body is not None and self._open and self._stale:
            self._stale = False
            self._body.update(printable(self._text))

    def _line(self) -> str:
        return f"{OPEN if self._open else CLOSED} {self._title}"
