"""The model that suits this machine, offered in an empty conversation."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static


class OfferLine(Static, can_focus=True):
    """A click or Enter takes the offer, as its key does."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "app.do('take_offer')", show=False),
        Binding("down", "app.focus_next", show=False),
        Binding("up", "app.focus_previous", show=False),
    ]

    def __init__(self, sentence: str, press: str) -> None:
        gap = "" if sentence.endswith("。") else " "
        super().__init__(Content.assemble(sentence, gap, (press, "bold")), markup=False)

    def on_click(self) -> None:
        self.call_later(self.run_action, "app.do('take_offer')")
