"""The preset in use, from the start of the app and from one model to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.paths import config_dir, state_dir
from tui.presets.preset import Behaviour, Preset, PresetError, Shelf, behaviour
from tui.text import printable

if TYPE_CHECKING:
    from tui.app import ChatApp


class Presets:
    """Has the desk behave as the preset in use says."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._shelf = Shelf(config_dir() / "presets", state_dir() / "preset", app.words.presets)
        self._setup: ChatSetup | None = None
        """As the model's file and the command line have it."""
        self._used: Preset | None = None
        self._chosen = False
        """By the person in front of the screen, so it counts for more than the command line."""
        self._prompted = False
        """Whether some preset has brought a system prompt, which is then in the conversation."""

    def opened(self) -> None:
        """A model is on the desk: it is to behave as the preset in use says."""
        opened = self._app.desk.opened
        if opened is None:
            return
        if self._setup is None and (name := self._shelf.in_use) is not None:
            try:
                self._used = self._shelf.get(name)
            except PresetError as error:
                self._app.warn(str(error))
        self._setup = opened.setup
        self._behave()

    def use(self, name: str | None) -> None:
        """From the next question on, and after the next start; None for no preset."""
        words = self._app.words.presets
        try:
            self._used = None if name is None else self._shelf.get(name)
            self._chosen = True
            self._behave()
            self._shelf.note_use(name)
        except PresetError as error:
            self._app.warn(str(error))
        else:
            self._app.keys.remark(words.used_none if name is None else words.used.format(name=printable(name)))

    def show(self) -> None:
        """Lets a person choose."""
        from tui.presets.screen import PresetScreen

        words, opened = self._app.words.presets, self._app.desk.opened
        if opened is None:
            self._app.warn(words.not_yet)
            return
        setup, session = opened.setup, self._app.desk.session
        conversation = None if session is None else session.conversation
        system = setup.system if setup.system is not None or conversation is None else conversation.system
        now = Behaviour(system, setup.sampling, setup.thinking)

        def chosen(answer: tuple[str | None] | None) -> None:
            if answer is not None:
                self.use(answer[0])

        used = None if self._used is None else self._used.name
        self._app.push_screen(PresetScreen(self._shelf, used, now, words), chosen)

    def _behave(self) -> None:
        if self._setup is None:
            return
        wanted = behaviour(self._used, self._setup, flags_win=not self._chosen)
        system = "" if wanted.system is None and self._prompted else wanted.system
        self._prompted |= self._used is not None and self._used.system is not None
        self._app.desk.behave(system, wanted.sampling, wanted.thinking)
        self._app.prompt.border_subtitle = Content("" if self._used is None else printable(self._used.name))
