"""How the model comes to the desk and into memory, and what is said of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError
from autoglm_lite.worker.pace import Loading
from tui.conversation.welcome import Welcome
from tui.machine.notices import effort_remark, freed_line
from tui.machine.status import loading_line
from tui.text import printable

if TYPE_CHECKING:
    from autoglm_lite.worker.watch import Notice
    from tui.app import ChatApp


class Opening:
    """The first model is opened and loaded while one can type already."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self.task: asyncio.Task[None] | None = None
        """Opens the first model; None before the first frame."""

    def begin(self) -> None:
        self.task = asyncio.create_task(self._open())
        self._app.run_worker(self._load_first())

    async def end(self) -> None:
        """Waits until there is nothing half opened."""
        if self.task is not None:
            await asyncio.gather(self.task, return_exceptions=True)

    @property
    def model_name(self) -> str:
        opened = self._app.desk.opened
        if opened is None:
            return self._app.words.general.opening
        name = printable(opened.setup.facts.name)
        return self._app.words.machine.by_service.format(model=name) if opened.model.place == "service" else name

    async def use(self, name: str | None) -> None:
        """Another model for this conversation; returns once it is in memory. Raises AutoglmError: the model before is
        then on the desk again, and is loaded when it is asked for."""
        await self._app.asking.end()
        if self.task is not None:
            await asyncio.shield(self.task)
        try:
            async with self._app.desk.changing(name):
                await self._show()
                await self.until_loaded()
        except BaseException:
            await self._show()
            self._app.status.change(activity="" if self._app.desk.loaded else self._app.words.machine.not_loaded)
            raise

    async def until_loaded(self) -> None:
        """Returns once the model is in memory. Raises AutoglmError."""
        if self.task is not None:
            await asyncio.shield(self.task)
        opened = self._app.desk.opened
        assert opened is not None
        told: list[str] = []
        loading = Loading(opened.setup.facts.file_bytes)

        def progress(share: float) -> None:
            self._app.status.change(activity=loading_line(loading.pace(share), self._app.words.machine))

        if not self._app.desk.loaded:
            if opened.model.place == "service":
                self._app.status.change(activity=self._app.words.machine.waiting)
            else:
                progress(0)
        try:
            await self._app.desk.load(progress, told.append)
        except BaseException:
            self._app.status.change(activity=self._app.words.machine.not_loaded)
            raise
        self._app.status.change(model=self.model_name, activity="", n_ctx=self._app.desk.n_ctx)
        for notice in told:
            await self._app.conversation.say(printable(notice))
        self._app.machine.look_soon()

    async def welcome(self) -> None:
        """Says which model this is, in a conversation without a question."""
        opened = self._app.desk.opened
        if opened is None:
            return
        from autoglm_lite.store import is_starter

        words, setup, place = self._app.words.welcome, opened.setup, opened.model.place
        starter = is_starter(setup.facts.path)
        sentences = [words.starter] if starter else []
        if not starter or place == "service":
            sentences.append({"here": words.ready, "shared": words.ready_shared, "service": words.ready_service}[place])
        sentences += [printable(notice) for notice in setup.notices if not (starter and "starter" in notice)]
        suggestions = words.suggestions if starter else ()
        await self._app.conversation.show_welcome(Welcome(printable(setup.facts.name), sentences, suggestions, words))
        await self._app.getting.show_offer()

    async def _open(self) -> None:
        try:
            if self._app.desk.opened is None:
                await self._app.desk.open()
        except AutoglmError as error:
            self._app.refused = error
            self._app.exit(return_code=1)
            raise
        await self._show()

    async def _show(self) -> None:
        self._app.presets.opened()
        self._app.status.change(model=self.model_name, n_ctx=self._app.desk.n_ctx, speed=None)
        if not self._app.turns and not self._app.asking.is_busy:
            await self.welcome()
        self._app.run_worker(self._app.desk.watch(self._tell), group="watch", exclusive=True)

    async def _load_first(self) -> None:
        try:
            await self.until_loaded()
        except AutoglmError as error:
            self._app.failures.note(str(error))
            if not self._app.asking.is_busy and self._app.refused is None:
                await self._app.conversation.say(str(error), failed=True)
        await self._app.getting.look_around()

    async def _tell(self, notice: Notice) -> None:
        """What the watch has done for other programs: freed memory is said in the conversation, to be found there after
        a pause, the rest for a moment."""
        if (line := freed_line(notice, self._app.words.machine)) is None:
            self._app.keys.remark(effort_remark(notice, self._app.words.machine))
        else:
            await self._app.conversation.say(line)
            self._app.machine.look_soon()
