"""Another model for the conversation: found, loaded, and the one before back where that fails."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from textual.worker import Worker as Background
from textual.worker import WorkerCancelled, WorkerFailed

from autoglm_lite.errors import AutoglmError
from tui.machine.status import size
from tui.text import printable

if TYPE_CHECKING:
    from tui.app import ChatApp


class Using:
    """One change at a time; the latest wish wins."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._change: Background[None] | None = None
        self.path: Path | None = None
        """Of the model that is being loaded."""

    def use(self, path: Path) -> None:
        """Has the model answer from now on; what goes wrong is said in the conversation."""
        self._change = self._app.run_worker(self._use(path, self._change), group="using")

    async def end(self) -> None:
        """Gives up what is going on; the model before is on the desk again then."""
        await _ended(self._change)

    async def unload(self) -> str:
        """Gives the model's memory back; returns what to say of it."""
        app, words = self._app, self._app.words
        if app.asking.is_busy or not (freed := await app.desk.unload()):
            return words.models.not_unloaded
        app.status.change(activity=words.machine.not_loaded)
        return words.models.unloaded.format(name=app.opening.model_name, freed=size(freed))

    async def _use(self, path: Path, change: Background[None] | None) -> None:
        app, words = self._app, self._app.words.models
        await _ended(change)
        self.path = path
        try:
            if app.desk.has(path):
                await app.opening.until_loaded()
            else:
                await app.opening.use(str(path))
        except AutoglmError as error:
            await app.conversation.say(f"{error} {words.stays.format(name=app.opening.model_name)}", failed=True)
        else:
            opened = app.desk.opened
            if opened is not None and app.turns:
                for notice in opened.setup.notices:
                    await app.conversation.say(printable(notice))
            app.keys.remark(words.in_use_now.format(name=app.opening.model_name))
        finally:
            self.path = None


async def _ended(change: Background[None] | None) -> None:
    if change is not None and not change.is_finished:
        change.cancel()
        with suppress(WorkerCancelled, WorkerFailed):
            await change.wait()
