"""Finding what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp


def open_palette(app: ChatApp) -> None:
    from tui.palette.offers import offered
    from tui.palette.screen import Palette

    async def run(name: str | None) -> None:
        if name is not None:
            await app.action_do(name)

    app.push_screen(Palette(offered(app.keymap.actions), app.words), run)


ACTIONS = (Action("palette", lambda words: words.palette.open, open_palette, ("ctrl+p",), rank=8),)
