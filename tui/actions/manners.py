"""Settings, help, and what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.actions.action import Action

if TYPE_CHECKING:
    from tui.app import ChatApp
    from tui.help.screen import Sheet


def show_help(app: ChatApp) -> None:
    from tui.actions import MODULES
    from tui.help.keys import groups_of, text_of
    from tui.help.screen import Sheet

    def text(width: int) -> str:
        return text_of(groups_of(MODULES, {action.id: action.keys for action in app.keymap.actions}, app.words), width)

    words = app.words.manners
    _toggle(app, Sheet("help", words.help, text, words.help_hint))


def show_settings(app: ChatApp) -> None:
    from tui.settings.screen import SettingsScreen

    if isinstance(app.screen, SettingsScreen):
        app.screen.dismiss()
    elif len(app.screen_stack) == 1:
        app.push_screen(SettingsScreen(app.words.manners))


def show_details(app: ChatApp) -> None:
    from tui.failures import worker_report
    from tui.help.screen import Sheet

    words = app.words.manners

    def text(_width: int) -> str:
        report = app.failures.report(words.no_details, words.nothing_more)
        # What llama.cpp writes while all is well says nothing to anybody.
        worker = worker_report() if app.failures.any else ""
        return "\n\n\n".join(part for part in (report, worker) if part)

    _toggle(app, Sheet("details", words.details, text, words.help_hint))


def _toggle(app: ChatApp, sheet: Sheet) -> None:
    """Opens a sheet over the conversation, or closes the one that is open."""
    from tui.help.screen import Sheet

    if isinstance(app.screen, Sheet):
        app.screen.dismiss()
    elif len(app.screen_stack) == 1:
        app.push_screen(sheet)


ACTIONS = (
    Action("help", lambda words: words.manners.help, show_help, ("f1",), "help", 4),
    Action("settings", lambda words: words.manners.settings, show_settings, ("f4",), "settings", 10),
    Action("details", lambda words: words.manners.details, show_details, ("f8",), "details"),
)
