"""What is known of the models so far, found out one after the other in threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from autoglm_lite.store import starter_path, stored_models
from autoglm_lite.store.download import Part, parts
from autoglm_lite.store.models import models_dir
from autoglm_lite.store.shelf import Look, Offer, Served
from autoglm_lite.store.space import Space, read_space
from tui.models.rows import Getable, getables

if TYPE_CHECKING:
    from tui.app import ChatApp


class Known:
    """Grows while `find_out` runs."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self.stored: list[Path] = []
        """All that can be used: stored ones, the starter, and the one that is in use."""
        self.looks: dict[Path, Look | str] = {}
        """A sentence for each file that cannot be used."""
        self.served: dict[str, Served] = {}
        self.space: Space | None = None
        self._parts: list[Part] = []
        self._offers: list[Offer] = []

    @property
    def getables(self) -> list[Getable]:
        return getables(self._offers, self._parts, self.stored)

    async def find_out(self) -> AsyncIterator[None]:
        """Comes back each time that there is more to show."""
        shelf, opened = self._app.desk.models, self._app.desk.opened
        stored = [*await asyncio.to_thread(stored_models), starter_path()]
        if opened is not None and opened.setup.facts.path.absolute() not in {path.absolute() for path in stored}:
            stored.insert(0, opened.setup.facts.path)
        self.stored = stored
        self._parts = await asyncio.to_thread(parts, models_dir())
        yield
        self.space = await asyncio.to_thread(read_space)
        yield
        if shelf is None:
            return
        for path in self.stored:
            await self.look(path)
            yield
        with suppress(AutoglmError):
            self._offers = await asyncio.to_thread(shelf.offers, self._app.desk.held, at_rest=self._at_rest)
            yield
        self.served = {model.name: model for model in await asyncio.to_thread(shelf.served)}
        yield

    async def look(self, path: Path) -> Look | str | None:
        """As things are now; None where nobody can tell."""
        shelf = self._app.desk.models
        if shelf is None:
            return None
        try:
            held = self._app.desk.held
            self.looks[path] = await asyncio.to_thread(shelf.look, path, held, at_rest=self._at_rest)
        except AutoglmError as error:
            self.looks[path] = str(error)
        return self.looks[path]

    @property
    def _at_rest(self) -> bool:
        return not (self._app.asking.is_busy or self._app.using.path)
