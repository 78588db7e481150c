"""An app with settings that says what goes wrong and begins anew rather than end."""

from __future__ import annotations

import time
from dataclasses import replace

from textual.app import App
from textual.filter import LineFilter
from textual.worker import WorkerFailed

from autoglm_lite.errors import AutoglmError
from autoglm_lite.paths import config_dir
from tui.actions import ACTIONS
from tui.failures import Failures, log_error, log_path
from tui.palette.keymap import FILE, read_keymap
from tui.settings.beginning import Beginning
from tui.settings.complaint import sentence
from tui.settings.manners import Manners
from tui.settings.settings import Settings
from tui.themes import THEMES
from tui.words import Words

SECONDS_OF_A_NOTICE = 8.0
MOST_FAILURES = 3
"""In a minute; one more ends the app."""
NOTHING_SET = Beginning()
USUAL_MANNERS = Manners(chinese=False, theme="dark", low_power=False)


class SturdyApp(App[None]):
    def __init__(self, words: Words, start: Beginning, manners: Manners) -> None:
        super().__init__()
        self.words = words
        self.beginning = start
        self.keymap = read_keymap(config_dir() / FILE, ACTIONS, words.palette)
        """The actions with the keys that the user gave them."""
        self.manners = manners
        self.failures = Failures()
        self.refused: AutoglmError | None = None
        """Why the app ended by itself."""
        self.next_beginning: Beginning | None = None
        """With what it is to begin anew, once it has ended."""
        self._plain: LineFilter | None = None
        for theme in THEMES:
            self.register_theme(theme)
        self._behave()
        self.set_keymap(self.keymap.for_textual(ACTIONS))

    @property
    def can_begin_anew(self) -> bool:
        """Whether nothing would be lost by it now."""
        return True

    @property
    def draft(self) -> str:
        """What is being written."""
        return ""

    def tell(self, text: str, details: str = "") -> None:
        """A notice for some seconds; a key shows it again, with its details."""
        self.failures.note(text, details)
        self.notify(text, severity="warning", timeout=SECONDS_OF_A_NOTICE, markup=False)

    def begin_with(self, start: Beginning) -> None:
        """What is to be said and done at once; the keys that were typed before are pressed."""
        for complaint in start.complaints:
            self.tell(sentence(complaint, self.words.manners))
        if start.sentence:
            self.tell(start.sentence, start.details)
        if start.typed and self._driver is not None:
            from textual._xterm_parser import XTermParser

            parser = XTermParser()
            for event in (*parser.feed(start.typed), *parser.tick()):
                self._driver.process_message(event)

    def set(self, settings: Settings) -> str:
        """Changes the settings; returns what there is to say about it, mostly nothing."""
        words, before = self.words.manners, self.manners
        said = ""
        try:
            self.beginning = self.beginning.with_settings(settings)
        except AutoglmError as error:
            self.beginning = replace(self.beginning, settings=settings)
            said = words.not_kept.format(why=error)
        self.manners = self.beginning.manners
        self._behave()
        if self.manners.chinese != before.chinese:
            if not self.can_begin_anew:
                return words.next_start
            self._begin_anew(replace(self.beginning, draft=self.draft, action="settings"))
        return said

    def _behave(self) -> None:
        """As `manners` say."""
        if self._plain is None and self.manners.theme == "plain":
            from tui.terminal.glyphs import PlainGlyphs

            self._plain = PlainGlyphs()
            self._filters.append(self._plain)
        if self._plain is not None:
            self._plain.enabled = self.manners.theme == "plain"
        self.theme = self.manners.theme

    def _begin_anew(self, start: Beginning) -> None:
        self.next_beginning = replace(start, complaints=(), typed="")
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """Textual would end here, and write the traceback into the terminal. A widget whose handler has failed hears
        nothing any more, so the screen is made anew; what failed beside the screen is only told of."""
        if self.is_headless:
            # A test is to see it.
            super()._handle_exception(error)
            return
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, AutoglmError):
            said, details = str(cause), ""
        else:
            details = log_error(cause)
            said = self.words.manners.broken.format(what=type(cause).__name__, key=self.keymap.key_of("details"))
        if isinstance(error, WorkerFailed):
            self.tell(said, details)
            return
        now = time.monotonic()
        failed = (*(then for then in self.beginning.failed if now - then < 60), now)
        start = replace(self.beginning, failed=failed, sentence=said, details=details, draft=self.draft, action="")
        self.next_beginning = replace(start, complaints=(), typed="")
        if len(failed) > MOST_FAILURES:
            self.next_beginning = None
            self.refused = AutoglmError(
                f"The app failed again and again ({type(cause).__name__}); the details are in {log_path()}."
            )
        self._close_messages_no_wait()
