"""Models by name: loaded once, beside each other where they fit, unloaded when nobody asks."""

from __future__ import annotations

import asyncio
import math
import os
import shutil
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.chat.events import Answer
from autoglm_lite.chat.exchange import Question
from autoglm_lite.chat.messages import Message
from autoglm_lite.errors import AutoglmError, BusyError, ModelFileError, UnknownModelError, UsageError, WillNotFitError
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.planning.plan import Plan
from autoglm_lite.server.models import ENDING, MOST_WAITING, Models
from autoglm_lite.server.resident import Planned, Resident
from autoglm_lite.store import starter_path
from autoglm_lite.worker import connection

PATIENCE = 30.0
HELLO = Question((Message("user", "Hello"),), max_tokens=4)


class Memory:
    """Stands for the machine's: room for so many models."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.models: Models | None = None
        self.planned: list[str] = []

    def plan(self, path: Path, taken: int) -> Planned:
        assert self.models is not None
        if len(self.models.residents) >= self.room:
            raise WillNotFitError(f"{path.stem} needs more memory than is free.")
        self.planned.append(path.stem)
        facts = read_facts(path)
        return Planned(facts, Plan(str(path), n_ctx=512, threads=1, threads_batch=1, n_parallel=2))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    found = {}
    for name in ("one", "two", "three"):
        found[name] = tmp_path / f"{name}.gguf"
        shutil.copy(starter_path(), found[name])
    return found


def with_models(
    files: dict[str, Path],
    room: int,
    test: Callable[[Models, Memory], Coroutine[object, object, None]],
    *,
    keep: float = 3600.0,
) -> None:
    async def run() -> None:
        memory = Memory(room)
        models = memory.models = Models(lambda: files, lambda: "one", memory.plan, keep_seconds=keep)
        try:
            await asyncio.wait_for(test(models, memory), PATIENCE)
        finally:
            await models.close()

    asyncio.run(run())


async def answer(resident: Resident) -> str:
    prepared = await resident.exchange.prepare(HELLO)
    return "".join([event.text async for event in resident.exchange.ask(prepared) if isinstance(event, Answer)])


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def names(models: Models) -> list[str]:
    return sorted(resident.name for resident in models.residents)


def test_a_model_is_loaded_once_for_all_who_ask(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async def ask() -> int | None:
            async with models.use("two") as resident:
                assert await answer(resident)
                return resident.worker.pid

        pids = await asyncio.gather(*(ask() for _ in range(6)))
        assert len(set(pids)) == 1
        assert memory.planned == ["two"]
        assert models.counts.loads == 1

    with_models(files, 3, test)


def test_names(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        assert [await models.name_of(name) for name in (None, "", "default", "two", "two:latest", "two.gguf")] == [
            *["one"] * 3,
            *["two"] * 3,
        ]
        assert {await models.name_of(name) for name in ("Two", "TWO:latest")} == {"two"}
        for name in ("../two", "/two", "two/", "two\0", "x" * 10_000):
            with pytest.raises(UnknownModelError, match="one, three, two"):
                await models.name_of(name)

    with_models(files, 3, test)


def test_models_stay_beside_each_other_while_they_fit(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        for name in ("one", "two", "one", "three"):
            async with models.use(name) as resident:
                assert await answer(resident)
        # Two was unused for the longest time.
        assert names(models) == ["one", "three"]
        assert models.counts.loads == 3

    with_models(files, 2, test)


def test_who_needs_room_waits_for_those_in_use_and_is_not_overtaken(files: dict[str, Path]) -> None:
    order: list[str] = []

    async def test(models: Models, memory: Memory) -> None:
        async def ask(name: str) -> None:
            async with models.use(name) as resident:
                order.append(name)
                assert await answer(resident)

        async with models.use("one"):
            waiting = asyncio.create_task(ask("two"))
            await asyncio.sleep(0.1)
            late = asyncio.create_task(ask("one"))
            await asyncio.sleep(0.1)
            assert order == []
        await asyncio.gather(waiting, late)
        assert order == ["two", "one"]

    with_models(files, 1, test)


def test_only_so_many_wait_for_room(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async def ask() -> None:
            async with models.use("two"):
                pass

        async with models.use("one"):
            waiting = [asyncio.create_task(ask()) for _ in range(MOST_WAITING)]
            await asyncio.sleep(0.1)
            with pytest.raises(BusyError):
                await ask()
        await asyncio.gather(*waiting)

    with_models(files, 1, test)


def test_what_fits_nowhere_says_so_and_others_go_on(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        with pytest.raises(WillNotFitError, match="two needs more"):
            async with models.use("two"):
                pass
        memory.room = 1
        async with models.use("one") as resident:
            assert await answer(resident)

    with_models(files, 0, test)


def test_an_idle_model_is_unloaded_and_comes_back(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async with models.use("one") as resident:
            pid = resident.worker.pid
            await asyncio.sleep(0.3)
            # Not while it is in use.
            assert names(models) == ["one"]
        await until(lambda: not models.residents)
        assert pid is not None
        await until(lambda: not Path(f"/proc/{pid}").exists())
        async with models.use("one") as resident:
            assert await answer(resident)

    with_models(files, 1, test, keep=0.1)


def test_kept_as_long_as_somebody_asked_for(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async with models.use("one") as resident:
            models.keep(resident, 0)
        await until(lambda: not models.residents)

    with_models(files, 1, test)


def test_a_dead_worker_is_replaced(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async with models.use("one") as resident:
            pid = resident.worker.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            await until(lambda: resident.worker.loaded is None)
        async with models.use("one") as again:
            assert again.worker.pid not in (None, pid)
            assert await answer(again)
        assert (models.counts.loads, models.counts.restarts) == (1, 1)
        # There may be less memory than before.
        assert memory.planned == ["one", "one"]

    with_models(files, 1, test)


def test_the_next_request_after_a_kill_is_answered_however_soon_it_comes(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        for _ in range(3):
            async with models.use("one") as resident:
                assert await answer(resident)
                assert resident.worker.pid is not None
                os.kill(resident.worker.pid, signal.SIGKILL)

    with_models(files, 1, test)


def test_a_file_that_takes_the_place_of_another_is_loaded_instead(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async with models.use("one") as resident:
            assert await answer(resident)
            os.utime(files["one"], ns=(1, 1))
            async with models.use("one") as same:
                # While it is in use it stays.
                assert same is resident
        async with models.use("one") as another:
            assert another is not resident
            assert await answer(another)
        files["one"].unlink()
        async with models.use("one") as still:
            assert still is another
        assert (models.counts.loads, models.counts.restarts) == (2, 0)

    with_models(files, 1, test)


def test_what_cannot_be_loaded_does_not_stay_though_nobody_waits_for_it(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(models: Models, memory: Memory) -> None:
        good = memory.plan

        def bad(path: Path, taken: int) -> Planned:
            planned = good(path, taken)
            return replace(planned, plan=replace(planned.plan, model_path=str(path) + ".gone"))

        async def ask() -> None:
            async with models.use("one"):
                pass

        monkeypatch.setattr(models, "_planner", bad)
        asking = asyncio.create_task(ask())
        await until(lambda: any(resident.loading for resident in models.residents))
        asking.cancel()
        await until(lambda: not models.residents)

    with_models(files, 1, test, keep=math.inf)


def test_nobody_counts_on_memory_that_another_model_is_about_to_take(files: dict[str, Path]) -> None:
    async def run() -> None:
        loaded: dict[str, list[bool]] = {}

        def plan(path: Path, taken: int) -> Planned:
            loaded[path.stem] = [resident.worker.loaded is not None for resident in models.residents]
            return memory.plan(path, taken)

        async def ask(name: str) -> None:
            async with models.use(name) as resident:
                await answer(resident)

        memory = Memory(3)
        models = memory.models = Models(lambda: files, lambda: "one", plan)
        await asyncio.gather(*map(ask, files))
        await models.close()
        assert sorted(loaded.values()) == [[], [True], [True, True]]

    asyncio.run(run())


def test_who_still_waits_for_a_model_at_the_end_is_told_so(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async def ask(name: str) -> None:
            async with models.use(name) as resident:
                await answer(resident)

        async with models.use("one"):
            for_room = [asyncio.create_task(ask("two")) for _ in range(2)]
            await asyncio.sleep(0.1)
            await models.close()
        found = await asyncio.gather(*for_room, return_exceptions=True)
        assert [str(error) for error in found] == [ENDING] * 2
        assert not models.residents

    with_models(files, 1, test)


def test_who_waits_for_a_load_at_the_end_is_told_so(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async def ask() -> None:
            async with models.use("one") as resident:
                await answer(resident)

        asking = asyncio.create_task(ask())
        await until(lambda: any(resident.loading for resident in models.residents))
        await models.close()
        with pytest.raises(AutoglmError, match="being stopped"):
            await asking

    with_models(files, 1, test)


def test_a_worker_that_hangs_is_gone_at_the_end_though_its_unloading_was_given_up(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SECONDS_TO_EXIT", 0.5)

    async def test(models: Models, memory: Memory) -> None:
        async with models.use("one") as resident:
            pid = resident.worker.pid
            assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        closing = asyncio.create_task(models.close())
        await until(lambda: not models.residents)
        closing.cancel()
        await models.close()
        assert not Path(f"/proc/{pid}").exists()

    with_models(files, 1, test)


def test_the_disk_is_not_looked_at_on_the_event_loop(files: dict[str, Path]) -> None:
    looked: list[bool] = []

    def found() -> dict[str, Path]:
        looked.append(threading.current_thread() is threading.main_thread())
        return files

    async def run() -> None:
        memory = Memory(1)
        models = memory.models = Models(found, lambda: "one", memory.plan)
        async with models.use(None):
            pass
        await models.close()

    asyncio.run(run())
    assert looked
    assert not any(looked)


def test_who_goes_away_while_it_loads_takes_nothing_with_them(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        async def ask() -> str:
            async with models.use("one") as resident:
                return await answer(resident)

        first, second = asyncio.create_task(ask()), asyncio.create_task(ask())
        await until(lambda: any(resident.loading for resident in models.residents))
        first.cancel()
        assert await second
        assert models.counts.loads == 1
        assert all(not resident.n_users for resident in models.residents)

    with_models(files, 1, test)


def test_a_file_that_cannot_be_loaded_takes_no_room(files: dict[str, Path]) -> None:
    files["one"].write_bytes(b"GGUF" + b"\0" * 100)

    async def test(models: Models, memory: Memory) -> None:
        with pytest.raises(ModelFileError):
            async with models.use("one"):
                pass
        async with models.use("two") as resident:
            assert await answer(resident)
        assert names(models) == ["two"]

    with_models(files, 2, test)


def test_a_model_that_llama_cpp_refuses_is_planned_anew(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(models: Models, memory: Memory) -> None:
        good = memory.plan

        def bad(path: Path, taken: int) -> Planned:
            planned = good(path, taken)
            return replace(planned, plan=replace(planned.plan, model_path=str(path) + ".gone"))

        monkeypatch.setattr(models, "_planner", bad)
        with pytest.raises(AutoglmError):
            async with models.use("one"):
                pass
        await until(lambda: not models.residents)
        monkeypatch.setattr(models, "_planner", good)
        async with models.use("one") as resident:
            assert await answer(resident)

    with_models(files, 2, test)


def test_a_model_of_another_kind_is_refused(files: dict[str, Path]) -> None:
    async def test(models: Models, memory: Memory) -> None:
        for _ in range(2):
            with pytest.raises(UsageError, match="makes no embeddings"):
                async with models.use("one", "embeddings"):
                    pass
        async with models.use("one") as resident:
            assert await answer(resident)

    with_models(files, 1, test)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No process of ours outlives its models."""
    before = workers()
    yield
    assert workers() <= before


def workers() -> set[str]:
    """Also those of the service that other tests ask."""
    children = Path("/proc/self/task").glob("*/children")
    pids = [pid for path in children for pid in path.read_text().split()]
    return {pid for pid in pids if b"worker.child" in Path(f"/proc/{pid}/cmdline").read_bytes()}
