"""The line above the box that shows what goes with the question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from autoglm_lite.chat.attachments import Attachment, one_line
from tui.palette.offers import fitted
from tui.words.composer import Words

MOST_CELLS = 40
"""Of a name."""


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment, and how many tokens it has."""

    attachment: Attachment
    n_tokens: int
    counted: bool
    """By the model, not guessed from its length."""


class Chips(Static):
    """Each can be clicked away."""

    class Unwanted(Message):
        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self, words: Words) -> None:
        super().__init__("")
        self._said = words

    def show_all(self, attached: Sequence[Attached]) -> None:
        chips = [
            Content.from_markup(
                f"[@click=unwanted({n})]\\[[bold]$name[/bold] $tokens ×][/]",
                name=fitted(one_line(one.attachment.name), MOST_CELLS),
                tokens=self._said.n_tokens.format(n=("" if one.counted else "~") + f"{one.n_tokens:,}"),
            )
            for n, one in enumerate(attached)
        ]
        self.update(Content(" ").join(chips))
        self.display = bool(chips)

    def action_unwanted(self, index: int) -> None:
        self.post_message(self.Unwanted(index))
