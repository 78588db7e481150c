"""Writing a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action
from tui.composer.prompt import Prompt

if TYPE_CHECKING:
    from tui.app import ChatApp


def send(app: ChatApp) -> None:
    if app.prompt.text.strip():
        app.prompt.post_message(Prompt.Submitted(app.prompt.text))


def newline(app: ChatApp) -> None:
    app.prompt.action_newline()


ACTIONS = (
    Action("send", lambda words: words.composer.send, send, ("enter",), rank=1, bound=False),
    Action("newline", lambda words: words.composer.newline, newline, ("ctrl+j",), rank=5, bound=False),
)
