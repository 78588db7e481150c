"""Finding in the conversation that is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp


def find(app: ChatApp) -> None:
    app.find_line.open()


async def find_next(app: ChatApp) -> None:
    await app.find_line.step(1)


async def find_previous(app: ChatApp) -> None:
    await app.find_line.step(-1)


ACTIONS = (
    Action("find", lambda words: words.conversation.find, find, ("ctrl+f",), "find", rank=9),
    Action("find_next", lambda words: words.conversation.find_next, find_next, ("n",), bound=False),
    Action("find_previous", lambda words: words.conversation.find_previous, find_previous, ("N",), bound=False),
)
