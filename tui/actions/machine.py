"""The machine beside the conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp


def toggle(app: ChatApp) -> None:
    app.machine.toggle()


ACTIONS = (Action("toggle_machine", lambda words: words.panel.toggle, toggle, ("f2",), "machine", 5),)
