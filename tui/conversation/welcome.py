"""What an empty conversation shows: which model this is, and questions to begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from tui.words.welcome import Words


class Suggestion(Static, can_focus=True):
    """A question that a click or Enter asks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "choose", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    class Chosen(Message):
        def __init__(self, question: str) -> None:
            super().__init__()
            self.question = question

    def __init__(self, question: str) -> None:
        super().__init__(f"› {question}", markup=False)
        self._question = question

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self._question))

    def on_click(self) -> None:
        self.action_choose()


class Welcome(Vertical):
    def __init__(self, model: str, sentences: Sequence[str], suggestions: Sequence[str], words: Words) -> None:
        super().__init__()
        self._model = model
        self._sentences = sentences
        self._suggestions = suggestions
        self._words = words

    def compose(self) -> ComposeResult:
        yield Static(self._model, markup=False, classes="name")
        for sentence in self._sentences:
            yield Static(sentence, markup=False, classes="sentence")
        if self._suggestions:
            yield Static(self._words.suggestions_hint, markup=False, classes="hint")
        for question in self._suggestions:
            yield Suggestion(question)
