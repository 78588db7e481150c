"""The models that the service knows by name, and those of them that are in memory."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.embedding import Use, wrong_use
from autoglm_lite.errors import (
    AutoglmError,
    BusyError,
    LoadError,
    ModelFileError,
    UnknownModelError,
    UsageError,
    WillNotFitError,
    WorkerDiedError,
)
from autoglm_lite.server.meter import Meter, MeteredWorker
from autoglm_lite.server.resident import Planned, Planner, Resident
from autoglm_lite.worker.watch import Notice, Watch

MOST_WAITING = 16
"""Requests for a model that others must make room for first."""
DEFAULT_NAMES = ("", "default")
"""What programs say that leave the choice of the model to the service."""
ENDING = "The service is being stopped: ask again in a moment."


@dataclass(slots=True)
class Counts:
    """Since the service began."""

    loads: int = 0
    restarts: int = 0
    """Of workers that had died."""


class Models:
    """Belongs to one event loop. One load at a time: who else asks for the same model waits for the same load."""

    def __init__(
        self,
        files: Callable[[], Mapping[str, Path]],
        default: Callable[[], str],
        planner: Planner,
        *,
        states: Path | None = None,
        keep_seconds: float = math.inf,
        tell: Callable[[str], None] = lambda _: None,
        complain: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`files`: the models by name, as they are now. `default`: the name of the one for who names none. Both are
        called in threads, like `planner`: they may take as long as planning. `states`: as of Worker. `tell` gets a
        sentence for the log, `complain` one for each model that cannot be loaded, or whose process dies."""
        self._files = files
        self._default = default
        self._planner = planner
        self._states = states
        self._keep_seconds = keep_seconds
        self._tell = tell
        self._complain = complain
        self._residents: dict[str, Resident] = {}
        self._door = asyncio.Lock()
        """Passed in the order in which models were asked for: who waits for room there is not overtaken."""
        self._memory = asyncio.Lock()
        """Held while memory is taken or given back, and by who counts on what is free. Never before the door."""
        self._n_waiting = 0
        """At the door."""
        self._freed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.counts = Counts()
        self.meter = Meter()

    @property
    def residents(self) -> Sequence[Resident]:
        """Those in memory."""
        return tuple(self._residents.values())

    def files(self) -> Mapping[str, Path]:
        """By name: all that can be asked for. Looks at the disk, which may be slow: to be called in a thread."""
        return self._files()

    async def name_of(self, asked: str | None) -> str:
        """The name of the model that is meant. Raises UnknownModelError."""
        return await asyncio.to_thread(self._named, asked)

    def _named(self, asked: str | None) -> str:
        if asked is None or asked in DEFAULT_NAMES:
            asked = self._default()
        files = self._files()
        for name in (asked, asked.removesuffix(".gguf"), asked.removesuffix(":latest")):
            if name in files:
                return name
        wanted = {asked.casefold(), asked.casefold().removesuffix(":latest")}
        alike = [name for name in files if name.casefold() in wanted]
        if len(alike) == 1:
            return alike[0]
        names = ", ".join(sorted(files)) or "none"
        raise UnknownModelError(f"There is no model called {asked[:80]!r} here. Those that can be asked: {names}.")

    @asynccontextmanager
    async def use(self, asked: str | None, use: Use | None = "chat") -> AsyncIterator[Resident]:
        """The model, loaded, and not unloaded before the end. Raises UnknownModelError, ModelFileError, UsageError for
        one that is made for something else (`use` None: whatever it is made for), WillNotFitError, BusyError,
        LoadError, or WorkerDiedError."""
        name = await self.name_of(asked)
        if self._n_waiting >= MOST_WAITING:
            raise BusyError("Too many requests wait for a model already: ask again in a while.")
        self._n_waiting += 1
        try:
            resident = await self._enter(name, use)
        finally:
            self._n_waiting -= 1
        try:
            await self._loaded(resident)
            yield resident
        except (LoadError, WorkerDiedError) as error:
            self._complain(f"{resident.name}: {error}")
            raise
        finally:
            resident.n_users -= 1
            resident.used = time.time()
            self._rest(resident)
            self._start(self._notify())

    def keep(self, resident: Resident, seconds: float) -> None:
        """From now on it stays so long after its last use."""
        resident.keep_seconds = seconds
        self._rest(resident)

    async def unload(self, name: str) -> None:
        """If it is in memory and nobody uses it."""
        async with self._memory:
            resident = self._residents.get(name)
            if resident is not None and not resident.n_users:
                await self._unload(resident)

    async def close(self) -> None:
        """For good: whoever waits for a model is told that none comes."""
        self._closed = True
        # That answers end now is nobody's fault.
        self._complain = lambda _: None
        await self._notify()
        for resident in self.residents:
            self._start(self._unload(resident))
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _enter(self, name: str, use: Use | None) -> Resident:
        """The model, counted as used and not yet loaded."""
        async with self._door:
            died = await self._forget_outdated(name)
            while (found := self._residents.get(name)) is None:
                self._check_open()
                async with self._memory:
                    found = await self._make(name, use)
                if found is not None:
                    found.revived = died
                    self._residents[name] = found
                    # Before the door opens: whoever plans next must find in memory what was planned here.
                    found.loading = asyncio.create_task(self._load(found))
                    break
                async with self._freed:
                    await self._freed.wait_for(
                        lambda: self._closed or not all(resident.n_users for resident in self.residents)
                    )
            if use is not None and found.facts.use != use:
                raise UsageError(wrong_use(name, found.facts.use, use))
            found.n_users += 1
            self._rest(found)
            return found

    async def _forget_outdated(self, name: str) -> bool:
        """What nobody uses is planned anew where its file is another now, or its worker has died, maybe since there is
        less memory than when it was planned. Returns whether it had died."""
        found = self._residents.get(name)
        if found is None or found.n_users or not (found.has_died or found.is_outdated):
            return False
        died = found.has_died
        async with self._memory:
            await self._unload(found)
        return died

    def _check_open(self) -> None:
        if self._closed:
            raise AutoglmError(ENDING)

    def _plan(self, name: str, taken: int) -> Planned:
        path = self._files().get(name)
        if path is None:
            raise UnknownModelError(f"The model {name} is not here any more.")
        try:
            return self._planner(path, taken)
        except ModelFileError as error:
            raise ModelFileError(str(error).replace(str(path), f"The model {name}")) from error

    async def _make(self, name: str, use: Use | None) -> Resident | None:
        """Room is made for it by unloading those that nobody uses, the longest unused first; None where the others are
        in use."""
        while True:
            taken = sum(resident.mapped_bytes for resident in self.residents)
            try:
                planned = await asyncio.to_thread(self._plan, name, taken)
            except WillNotFitError:
                if not self._residents:
                    raise
                idle = [resident for resident in self.residents if not resident.n_users]
                if not idle:
                    return None
                await self._unload(min(idle, key=lambda resident: resident.used))
                continue
            if use is not None and planned.facts.use != use:
                raise UsageError(wrong_use(name, planned.facts.use, use))
            for notice in planned.notices:
                self._tell(f"{name}: {notice}")
            return Resident(name, planned, MeteredWorker(self.meter, self._states), self._keep_seconds)

    async def _loaded(self, resident: Resident) -> None:
        """Who goes away meanwhile does not stop it: another may wait, or ask again."""
        if resident.worker.loaded is not None:
            # One that was killed a moment ago may not have been missed yet.
            with suppress(WorkerDiedError):
                await resident.worker.ping()
        if resident.worker.loaded is not None:
            return
        if resident.loading is None or resident.loading.done():
            resident.loading = asyncio.create_task(self._load(resident))
        loading = resident.loading
        try:
            await asyncio.shield(loading)
        except asyncio.CancelledError:
            if loading.cancelled():
                raise AutoglmError(ENDING) from None
            raise

    async def _load(self, resident: Resident) -> None:
        async with self._memory:
            self._check_open()
            if resident.watching is not None or resident.revived:
                self.counts.restarts += not resident.shed
            else:
                self.counts.loads += 1
            if resident.watching is None:
                resident.watching = asyncio.create_task(self._watch(resident))
            resident.shed = False
            try:
                await resident.loader.load(lambda share: None, lambda notice: self._tell(f"{resident.name}: {notice}"))
            except AutoglmError:
                # Planned anew by whoever asks next. Who asked may have gone away.
                resident.keep_seconds = 0
                self._rest(resident)
                raise
        self._rest(resident)

    def _rest(self, resident: Resident) -> None:
        """Has it unloaded when its time is up."""
        if resident.unloading is not None:
            resident.unloading.cancel()
            resident.unloading = None
        if resident.n_users or self._residents.get(resident.name) is not resident or math.isinf(resident.keep_seconds):
            return
        resident.unloading = asyncio.get_running_loop().call_later(
            resident.keep_seconds, lambda: self._start(self.unload(resident.name))
        )

    async def _unload(self, resident: Resident) -> None:
        if self._residents.get(resident.name) is resident:
            del self._residents[resident.name]
        # To its end, also when who waits for it goes away: a worker that hangs is killed there.
        await asyncio.shield(self._start(resident.close()))

    async def _notify(self) -> None:
        async with self._freed:
            self._freed.notify_all()

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _watch(self, resident: Resident) -> None:
        async def tell(notice: Notice) -> None:
            if notice.did == "model":
                resident.shed = True
                self._tell(f"{resident.name} was unloaded: other programs need its memory.")

        await Watch(resident.worker, tell, unload_after=math.inf).run()
