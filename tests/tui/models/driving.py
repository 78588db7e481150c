"""The app as the command line starts it, with a home of its own."""

from __future__ import annotations

import argparse

from textual.pilot import Pilot

from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.commands import chat
from autoglm_lite.commands.bandwidth import FILE
from autoglm_lite.commands.remembered import remember
from tests.tui.driving import Test, drive_desk
from tui.app import ChatApp
from tui.desk import Desk
from tui.words import ENGLISH, Words


def desk_for(history: History, *arguments: str, conversation: Conversation | None = None) -> Desk:
    """Of `autoglm-lite chat` with these arguments, on a machine whose memory has been measured."""
    for threads in range(1, 17):
        remember(FILE, str(threads), 1e10)
    parser = argparse.ArgumentParser()
    chat.add_arguments(parser)
    return chat.desk(parser.parse_args(list(arguments)), history, conversation)


def drive(desk: Desk, test: Test, size: tuple[int, int] = (80, 24), words: Words = ENGLISH) -> ChatApp:
    """Runs `test` in the app once its model is loaded."""
    return drive_desk(desk, test, lambda app: app.desk.loaded, size, words)


async def to_row(pilot: Pilot[None], app: ChatApp, name: str) -> None:
    """Moves the cursor to the row of this id."""
    screen = app.screen
    await pilot.press("home")
    for _ in range(30):
        if screen._key == name:  # type: ignore[attr-defined]
            return
        await pilot.press("down")
    raise AssertionError(f"there is no {name}")
