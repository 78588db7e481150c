"""A model on its way here: in a thread of its own, whatever is on the screen."""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from autoglm_lite.store import is_starter, stored_models
from autoglm_lite.store.models import models_dir
from tui.machine.status import size
from tui.models.rows import progress_line, speed_of
from tui.text import printable

if TYPE_CHECKING:
    from autoglm_lite.store.download import Download
    from autoglm_lite.store.shelf import Offer
    from autoglm_lite.store.wanted import Wanted
    from tui.app import ChatApp

SECONDS_TO_END = 1.0
"""How long a download is waited for when the app quits; what has come is on the disk in any case."""


class Getting:
    """One download at a time: a slow line gains nothing by two."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._thread: threading.Thread | None = None
        self.download: Download | None = None
        """That goes on, pauses, or has failed."""
        self.offer: Offer | None = None
        """What suits this machine, where no model is stored."""
        self.ready: Path | None = None
        """What has come and was not used yet."""

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self, wanted: Wanted) -> None:
        """Nothing may be running. Raises UsageError where HF_ENDPOINT is no address."""
        from autoglm_lite.store.download import Download

        if self.download is None or self.download.wanted.name != wanted.name:
            self.download = Download(wanted, models_dir(), os.environ)
        # A thread of the event loop's own would keep the app from quitting while a server says nothing.
        self._thread = threading.Thread(target=self._run, args=(self.download, asyncio.get_running_loop()), daemon=True)
        self._thread.start()

    def pause(self) -> None:
        if self.download is not None:
            self.download.stop()

    async def end(self) -> None:
        self.pause()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, SECONDS_TO_END)

    def go(self) -> bool:
        """The next step with what is offered; false where nothing is."""
        app, words = self._app, self._app.words.models
        if self.ready is not None:
            app.using.use(self.ready)
            self.ready = None
        elif self.running and self.download is not None:
            app.keys.remark(f"{self.download.wanted.label}: {progress_line(self.download.progress, words)}")
        elif (begun := self.download or self.offer) is not None:
            try:
                self.start(begun.wanted)
            except (AutoglmError, ValueError) as error:
                app.keys.remark(str(error))
            else:
                app.keys.remark(words.started.format(name=begun.wanted.label, key=app.keymap.key_of("models")))
        else:
            return False
        return True

    async def look_around(self) -> None:
        """At the start: offers to go on with what is not complete, or what suits a machine that has no model."""
        from autoglm_lite.store.download import Download, parts

        app, words = self._app, self._app.words.models
        found = await asyncio.to_thread(parts, models_dir())
        if found:
            part = found[0]
            with suppress(AutoglmError, ValueError):
                self.download = Download(part.wanted, models_dir(), os.environ)
                percent = 100 * part.done // max(part.total, 1)
                line = words.go_on.format(name=part.wanted.label, percent=percent, key=app.keymap.key_of("take_offer"))
                await app.conversation.say(printable(line))
            return
        opened, shelf = app.desk.opened, app.desk.models
        if shelf is None or opened is None or not is_starter(opened.setup.facts.path) or stored_models():
            return
        with suppress(AutoglmError):
            offers = await asyncio.to_thread(shelf.offers, app.desk.held, at_rest=not app.asking.is_busy)
            self.offer = offers[0] if offers else None
            await self.show_offer()

    async def show_offer(self) -> None:
        """In the welcome, where there is one."""
        from tui.models.offering import OfferLine

        if self.offer is None or self.download is not None or self.ready is not None:
            return
        words, wanted = self._app.words.models, self.offer.wanted
        speed = "" if self.offer.decode is None else words.speed.format(speed=speed_of(self.offer.decode))
        suits = words.suits.format(name=wanted.label, size=size(wanted.n_bytes), speed=speed)
        line = OfferLine(suits, words.press.format(key=self._app.keymap.key_of("take_offer")))
        await self._app.conversation.add_to_welcome(line)

    def _run(self, download: Download, loop: asyncio.AbstractEventLoop) -> None:
        outcome: Path | Exception | None
        try:
            outcome = download.run()
        except Exception as error:
            outcome = error
        with suppress(RuntimeError):
            # RuntimeError: the app has ended meanwhile.
            loop.call_soon_threadsafe(lambda: self._app.run_worker(self._tell(download, outcome)))

    async def _tell(self, download: Download, outcome: Path | Exception | None) -> None:
        app, words = self._app, self._app.words.models
        if isinstance(outcome, Exception):
            await app.conversation.say(f"{download.wanted.label}: {failure_line(outcome, self._app)}", failed=True)
        elif outcome is not None:
            self.ready, self.download, self.offer = outcome, None, None
            line = words.got.format(name=download.wanted.label, key=app.keymap.key_of("take_offer"))
            await app.conversation.say(line)


def failure_line(error: Exception, app: ChatApp) -> str:
    """In the language of the app."""
    from autoglm_lite.store.hub.failures import DownloadError

    if isinstance(error, DownloadError):
        sentence: str = getattr(app.words.models, f"failed_{error.kind}")
        return printable(sentence.format(**error.facts))
    return printable(str(error) or type(error).__name__)
