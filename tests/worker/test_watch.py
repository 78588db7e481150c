"""A watched worker on recorded machines, and in a real control group whose memory another program takes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.generation import GenerateRequest, Sampling
from autoglm_lite.planning import idling, shedding
from autoglm_lite.planning.plan import Plan, Saving
from autoglm_lite.worker import watch
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.watch import Notice, Watch
from tests.hardware.state import pressure, sensor, supply
from tests.hardware.trees import GIB, memory
from tests.worker.test_worker import answer

MIB = 1 << 20
QUESTION = GenerateRequest("Once upon a time", templated=False, sampling=Sampling(temperature=0), max_tokens=30)
PATIENCE = 60.0
Test = Callable[[Worker, list[Notice]], Awaitable[None]]


LONG = "Once upon a time there was a girl called Lily, who had a red ball and a dog. She went to the park. " * 130
"""Takes any machine seconds to read, so that it is kept."""


def plan_of(model: Path, n_ctx: int = 16384) -> Plan:
    return Plan(str(model), n_ctx, threads=1, threads_batch=1)


def machine(root: Path, available: int, some: float = 0.0) -> None:
    """A small machine, so that what the small model holds is worth something."""
    memory(root, GIB, available)
    pressure(root, some)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks a hundred times as often, and waits as much less."""
    for name in ("SECONDS_BETWEEN", "SECONDS_ON_BATTERY", "SECONDS_BETWEEN_POWER"):
        monkeypatch.setattr(watch, name, getattr(watch, name) / 100)
    seconds = {kind: dict.fromkeys(steps, 0.1) for kind, steps in shedding.SECONDS_IDLE.items()}
    monkeypatch.setattr(shedding, "SECONDS_IDLE", seconds)


def watched(
    plan: Plan, root: Path, test: Test, *, states: Path | None = None, unload_after: float | None = None
) -> None:
    async def run() -> None:
        notices: list[Notice] = []

        async def tell(notice: Notice) -> None:
            notices.append(notice)

        async with Worker(states=states) as worker:
            watching = asyncio.create_task(Watch(worker, tell, root, unload_after).run())
            await worker.load(plan)
            await test(worker, notices)
            assert not watching.done()
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    asyncio.run(run())


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("quick")
def test_a_shortage_takes_the_context_then_the_model_and_a_question_brings_both_back(
    endless_gguf: Path, tmp_path: Path
) -> None:
    machine(tmp_path, GIB // 2)

    async def test(worker: Worker, notices: list[Notice]) -> None:
        text, _, _ = await answer(worker, QUESTION)
        await asyncio.sleep(0.3)
        assert notices == []
        machine(tmp_path, GIB // 10, some=40)
        await until(lambda: len(notices) == 2)
        assert [notice.did for notice in notices] == ["context", "model"]
        assert all(notice.freed > 10 * MIB for notice in notices)
        assert worker.pid is None
        machine(tmp_path, GIB // 2)
        assert (await answer(worker, QUESTION))[0] == text
        await asyncio.sleep(0.3)
        assert len(notices) == 2
        machine(tmp_path, GIB // 10, some=40)
        await until(lambda: len(notices) == 4)

    watched(plan_of(endless_gguf), tmp_path, test)


@pytest.mark.usefixtures("quick")
def test_a_death_is_not_the_end_of_the_watch(endless_gguf: Path, tmp_path: Path) -> None:
    machine(tmp_path, GIB // 2)

    async def test(worker: Worker, notices: list[Notice]) -> None:
        assert worker.pid is not None
        os.kill(worker.pid, 9)
        await until(lambda: worker.pid is None)
        await worker.load(plan_of(endless_gguf))
        await asyncio.sleep(0.1)
        machine(tmp_path, GIB // 10, some=40)
        await until(lambda: len(notices) == 2)

    watched(plan_of(endless_gguf), tmp_path, test)


def test_nothing_is_read_while_no_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(root: Path) -> None:
        raise AssertionError("woken up")

    monkeypatch.setattr(watch, "read_pressure", read)
    monkeypatch.setattr(watch, "read_power", read)

    async def run() -> None:
        async def tell(notice: Notice) -> None:
            raise AssertionError(notice)

        watching = asyncio.create_task(Watch(Worker(), tell).run())
        await asyncio.sleep(0.2)
        assert not watching.done()
        watching.cancel()

    asyncio.run(run())


@pytest.mark.usefixtures("quick")
def test_on_battery_and_in_heat_the_model_computes_less_if_the_plan_says_so(stories_gguf: Path, tmp_path: Path) -> None:
    def laptop(*, mains: bool, degrees: float) -> None:
        machine(tmp_path, GIB // 2)
        supply(tmp_path, "AC", "Mains", online=str(int(mains)))
        supply(tmp_path, "BAT0", "Battery", status="Discharging")
        sensor(tmp_path, degrees)

    begun = os.getpriority(os.PRIO_PROCESS, 0)
    laptop(mains=True, degrees=60)

    async def saving(worker: Worker, notices: list[Notice]) -> None:
        assert worker.pid is not None
        text, _, _ = await answer(worker, QUESTION)
        laptop(mains=False, degrees=60)
        await until(lambda: notices)
        laptop(mains=True, degrees=60)
        await until(lambda: len(notices) == 2)
        laptop(mains=True, degrees=97)
        await until(lambda: len(notices) == 3)
        assert notices == [Notice("battery"), Notice("full"), Notice("heat")]
        assert (await answer(worker, QUESTION))[0] == text
        assert os.getpriority(os.PRIO_PROCESS, worker.pid) == begun + 7

    async def careless(worker: Worker, notices: list[Notice]) -> None:
        laptop(mains=False, degrees=97)
        await asyncio.sleep(0.5)
        assert notices == []

    plan = plan_of(stories_gguf, 512)
    watched(replace(plan, saving=Saving(threads=1, nice=7)), tmp_path, saving)
    laptop(mains=True, degrees=60)
    watched(plan, tmp_path, careless)


@pytest.mark.slow
def test_an_idle_model_goes_and_the_next_question_finds_what_was_read(
    endless_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(tmp_path, GIB // 3)
    for name in ("SECONDS_BETWEEN", "SECONDS_ON_BATTERY", "SECONDS_BETWEEN_POWER"):
        monkeypatch.setattr(watch, name, 0.02)
    monkeypatch.setattr(idling, "SECONDS_TO_CONTEXT", 0.5)
    monkeypatch.setattr(idling, "SECONDS_TO_MODEL", 1.5)
    question = replace(QUESTION, prompt=LONG)

    async def test(worker: Worker, notices: list[Notice]) -> None:
        text, finished, _ = await answer(worker, question)
        assert finished.cached_tokens == 0
        await until(lambda: len(notices) == 2)
        assert [(notice.did, notice.idle) for notice in notices] == [("context", True), ("model", True)]
        assert worker.pid is None
        again, finished, _ = await answer(worker, question)
        assert again == text
        assert finished.cached_tokens == finished.prompt_tokens - 1

    watched(plan_of(endless_gguf), tmp_path, test, states=tmp_path / "states")


def test_a_time_that_is_set_counts_with_any_memory(stories_gguf: Path, tmp_path: Path) -> None:
    machine(tmp_path, GIB)

    async def test(worker: Worker, notices: list[Notice]) -> None:
        await until(lambda: notices)
        assert (notices[0].did, notices[0].idle) == ("model", True)
        assert notices[0].freed > 0

    watched(plan_of(stories_gguf, 512), tmp_path, test, unload_after=0.2)


GROUPS = Path("/sys/fs/cgroup/memory")
SCRIPT = """
    import asyncio, json, sys
    from autoglm_lite.errors import LoadError
    from autoglm_lite.generation import GenerateRequest, Sampling
    from autoglm_lite.hardware import process_memory
    from autoglm_lite.hardware.room import read_room
    from autoglm_lite.planning.plan import Plan
    from autoglm_lite.worker.client import Worker
    from autoglm_lite.worker.watch import Watch
    from tests.worker.test_worker import answer

    HOG = (
        "import sys; held = []; "
        "[(held.append(bytearray(int(line))), print(len(held), flush=True)) for line in sys.stdin]"
    )

    async def main(model, n_ctx, left):
        notices = []
        async def tell(notice):
            notices.append([notice.did, notice.freed])
        question = GenerateRequest("Once upon a time", templated=False, sampling=Sampling(temperature=0), max_tokens=30)
        async with Worker() as worker:
            watching = asyncio.create_task(Watch(worker, tell).run())
            await worker.load(Plan(model, n_ctx, 1, 1))
            text, _, _ = await answer(worker, question)
            held = process_memory(worker.pid)[1]
            await asyncio.sleep(2.5)
            hog = await asyncio.create_subprocess_exec(sys.executable, "-c", HOG, stdin=-1, stdout=-1)
            async def take(n_bytes):
                hog.stdin.write(b"%d\\n" % n_bytes)
                return await hog.stdout.readline()
            await take(read_room().available - left)
            while not notices:
                await asyncio.sleep(0.2)
            # What the context took is there for others now.
            took = bool(await take(notices[0][1] // 2))
            after, refused = process_memory(worker.pid)[1], ""
            try:
                await answer(worker, question)
            except LoadError as error:
                refused = str(error)
            alive = hog.returncode is None
            hog.stdin.close()
            await hog.wait()
            again, _, _ = await answer(worker, question)
            watching.cancel()
            print(json.dumps(dict(
                notices=notices, same=again == text, took=took, alive=alive, hog=hog.returncode, held=held, after=after,
                refused=refused,
            )))

    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


@pytest.mark.slow
def test_a_real_shortage_frees_the_context_and_nobody_is_killed(endless_gguf: Path, tmp_path: Path) -> None:
    group = GROUPS / f"autoglm-lite-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control groups of memory (v1) that this user may make")
    try:
        # The context takes 105 MB; the other program all but 25.
        (group / "memory.limit_in_bytes").write_text(str(448 * MIB))
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(SCRIPT))
        command = [sys.executable, str(script), str(endless_gguf), "163840", str(25 * MIB)]
        run = subprocess.run(
            ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert run.returncode == 0, run.stderr
        found = json.loads(run.stdout)
        assert [did for did, _ in found["notices"]] == ["context"]
        assert found["held"] - found["after"] >= 100 * 10**6
        assert "too little memory now" in found["refused"]
        assert (found["took"], found["alive"], found["hog"], found["same"]) == (True, True, 0, True)
        assert "oom_kill 0" in (group / "memory.oom_control").read_text()
    finally:
        group.rmdir()
