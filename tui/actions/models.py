"""Which model answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp


async def show_models(app: ChatApp) -> None:
    from tui.models.screen import ModelsScreen

    await app.push_screen(ModelsScreen(app))


async def take_offer(app: ChatApp) -> None:
    """Gets the model that is offered, goes on with it, or uses it once it is here."""
    if not app.getting.go():
        await show_models(app)


ACTIONS = (
    Action("models", lambda words: words.models.models, show_models, ("f3",), "models", 8),
    Action("take_offer", lambda words: words.models.offered, take_offer, ("f5",), "get"),
)
