"""Layers on a real RPC server: where llama.cpp puts them, what it allocates there, and what is done when it fails."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import DeviceError, WorkerDiedError
from autoglm_lite.generation import GenerateRequest, Sampling, Text
from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import Machine, read_machine
from autoglm_lite.planning.make import Wishes, choose, fallbacks
from autoglm_lite.planning.memory import MIB
from autoglm_lite.planning.placement import KEEP_OUTPUT, keep_experts, place
from autoglm_lite.planning.plan import DevicePart, Plan
from autoglm_lite.worker.client import Worker
from autoglm_lite.worker.loader import Loader
from benchmarks.make_model import Shape, write_model
from tests.gguf.tiny import MODELS
from tests.worker.serving import Server, free_port, serving

STORY = GenerateRequest("Once upon a time", templated=False, sampling=Sampling(temperature=0), max_tokens=40)
ESTABLISHED = "01"
"""In /proc/net/tcp."""


def plan_of(model: Path, *parts: tuple[Server, int], on_cpu: tuple[str, ...] = (KEEP_OUTPUT,)) -> Plan:
    devices = tuple(DevicePart(server.device.name, server.endpoint, layers) for server, layers in parts)
    n_layers = sum(layers for _, layers in parts) + (not on_cpu)
    return Plan(str(model), 512, 1, 1, gpu_layers=n_layers, devices=devices, on_cpu=on_cpu if devices else ())


def with_server(test: Callable[[Server], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving() as server:
            await test(server)

    asyncio.run(run())


async def answer(plan: Plan, log: Path | None = None, request: GenerateRequest = STORY) -> str:
    async with Worker(log) as worker:
        await worker.load(plan)
        return await text_of(worker, request)


async def text_of(worker: Worker, request: GenerateRequest = STORY) -> str:
    return "".join([event.text async for event in worker.generate(request) if isinstance(event, Text)])


def sizes(log: Path, what: str, device: str) -> float:
    """MiB that llama.cpp said it allocated."""
    found = re.findall(rf"{re.escape(device)} {what} buffer size = +([\d.]+) MiB", log.read_text(errors="replace"))
    return sum(map(float, found))


def test_the_list_of_devices_has_the_server(stories_gguf: Path) -> None:
    async def test(server: Server) -> None:
        device, machine = server.device, read_machine()
        assert (device.name, device.endpoint, device.kind) == (server.endpoint, server.endpoint, "rpc")
        # ggml itself would call all memory free.
        assert device.memory_total >= device.memory_free > 0
        assert device.memory_free == pytest.approx(machine.memory_available, rel=0.5)
        async with Worker() as worker:
            assert await worker.devices([]) == ()

    with_server(test)


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    async def run() -> None:
        endpoint = f"127.0.0.1:{free_port()}"
        async with Worker() as worker:
            with pytest.raises(
                DeviceError, match=rf"No RPC server can be reached at {endpoint} \(Connection refused\)"
            ):
                await worker.devices([endpoint])
            assert await worker.devices([]) == ()

    asyncio.run(run())


@pytest.mark.parametrize("name", ["stories", *MODELS])
def test_answers_are_those_of_this_computer_alone(name: str, stories_gguf: Path, tmp_path: Path) -> None:
    model = stories_gguf if name == "stories" else MODELS[name]().write(tmp_path / "tiny.gguf")
    facts = read_facts(model)
    request = replace(STORY, max_tokens=min(40, facts.n_ctx_train - 32))

    async def test(server: Server) -> None:
        alone = await answer(replace(plan_of(model), n_ctx=facts.n_ctx_train), request=request)
        assert alone
        choices: list[tuple[int, tuple[str, ...]]] = [(1, (KEEP_OUTPUT,)), (facts.n_layer, ())]
        if any("_exps." in tensor.name for tensor in facts.tensors):
            choices.append((2, (KEEP_OUTPUT, keep_experts([0]))))
        for n_layers, on_cpu in choices:
            plan = replace(plan_of(model, (server, n_layers), on_cpu=on_cpu), n_ctx=facts.n_ctx_train)
            log = tmp_path / f"{n_layers}-{len(on_cpu)}.log"
            assert await answer(plan, log, request) == alone
            there = sum(tensor.n_bytes for tensor in place(facts, plan).there[0])
            assert sizes(log, "model", f"RPC0[{server.endpoint}]") == pytest.approx(there / MIB, abs=0.02)

    with_server(test)


def test_llama_cpp_allocates_there_what_was_predicted(many_layers: Path, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        facts, here = read_facts(many_layers), replace(read_machine(), devices=(server.device,))
        for gpu_layers in (5, 17):
            choice = choose(facts, here, Wishes(ctx=2048, threads=1, gpu_layers=gpu_layers))
            assert choice.plan.gpu_layers == gpu_layers
            log = tmp_path / f"{gpu_layers}.log"
            await answer(choice.plan, log, replace(STORY, max_tokens=1))
            device = f"RPC0[{server.endpoint}]"
            allocated = sum(sizes(log, what, device) for what in ("model", "KV", "compute"))
            assert allocated <= choice.predicted.devices[server.device.name] / MIB <= allocated + 12
            assert choice.predicted.kv / MIB == pytest.approx(sizes(log, "KV", "  CPU"), abs=0.02)
            assert choice.predicted.compute / MIB == pytest.approx(sizes(log, "compute", "  CPU"), abs=1.0)

    with_server(test)


def test_two_servers_take_a_run_of_layers_each(stories_gguf: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            servers = [await stack.enter_async_context(serving()) for _ in range(2)]
            plan = plan_of(stories_gguf, (servers[0], 1), (servers[1], 3), on_cpu=())
            log = tmp_path / "worker.log"
            assert await answer(plan, log) == await answer(plan_of(stories_gguf))
        found = re.findall(r"layer +(\d+) assigned to device (\w+)", log.read_text(errors="replace"))
        assert [device for _, device in found] == ["CPU", "RPC0", "RPC1", "RPC1", "RPC1", "RPC1"]

    asyncio.run(run())


@pytest.fixture(scope="module")
def many_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 layers of 2.6 MB each."""
    path = tmp_path_factory.mktemp("models") / "many.gguf"
    write_model(path, Shape(16, 512, 2048, 8, 2, n_vocab=1024, n_ctx=4096), "Many", "Q4_K_M")
    return path


def ladder(model: Path, server: Server) -> tuple[Machine, Plan, tuple[Plan, ...]]:
    """What is planned when nobody has said that the server's memory is limited."""
    here = replace(read_machine(), devices=(server.device,))
    facts, wishes = read_facts(model), Wishes(ctx=512, threads=1)
    plan = choose(facts, here, wishes).plan
    return here, plan, fallbacks(facts, here, wishes, plan)


@pytest.mark.parametrize(("limit", "n_layers"), [(45 * 10**6, 8), (4 * 10**6, 0)])
def test_fewer_layers_are_tried_and_then_none(many_layers: Path, limit: int, n_layers: int) -> None:
    async def test(server: Server) -> None:
        _, plan, others = ladder(many_layers, server)
        assert plan.gpu_layers == 17
        server.limit(limit)
        said: list[str] = []
        async with Worker() as worker:
            loader = Loader(worker, plan, others)
            await loader.load(lambda _: None, said.append)
            assert sum(part.layers for part in loader.plan.devices) == n_layers
            assert await text_of(worker, replace(STORY, max_tokens=2))
        assert said[0] == f"{server.endpoint} cannot take the 17 layers that were planned for it: 8 are tried."
        if not n_layers:
            assert said[1:] == [
                f"{server.endpoint} cannot take the 8 layers that were planned for it: this computer computes alone."
            ]

    with_server(test)


def test_a_plan_that_knows_the_limit_loads(many_layers: Path) -> None:
    async def test(server: Server) -> None:
        here = replace(read_machine(), devices=(server.device,))
        plan = choose(read_facts(many_layers), here, Wishes(ctx=512, threads=1, vram=45 * 10**6)).plan
        assert 4 <= plan.gpu_layers <= 12
        server.limit(45 * 10**6)
        assert await answer(plan, request=replace(STORY, max_tokens=2))

    with_server(test)


def test_a_server_that_dies_in_mid_answer_is_told_and_done_without(stories_gguf: Path) -> None:
    async def test(server: Server) -> None:
        _, plan, others = ladder(stories_gguf, server)
        assert plan.devices
        said: list[str] = []
        async with Worker() as worker:
            loader = Loader(worker, plan, others)
            await loader.load(lambda _: None, said.append)
            with pytest.raises(WorkerDiedError, match=rf"connection to {server.endpoint}, where 6 .* is lost"):
                async for event in worker.generate(replace(STORY, max_tokens=400)):
                    if isinstance(event, Text):
                        os.kill(server.pid, signal.SIGKILL)
            assert said == []
            await loader.load(lambda _: None, said.append)
            assert said == [f"{server.endpoint} is not used any more: this computer computes alone."]
            assert loader.plan.devices == ()
            assert await text_of(worker) == await answer(plan_of(stories_gguf))

    with_server(test)


def test_a_computer_that_falls_silent_is_noticed(stories_gguf: Path) -> None:
    async def test(server: Server) -> None:
        async with Worker() as worker:
            await worker.load(plan_of(stories_gguf, (server, 2)))
            await text_of(worker)
            peer = f"0100007F:{int(server.endpoint.rpartition(':')[2]):04X}"
            (line,) = [line.split() for line in read_connections() if line.split()[2:4] == [peer, ESTABLISHED]]
            # 02 is the timer that asks the other side whether it is still there.
            assert line[5].startswith("02:")

    with_server(test)


def read_connections() -> list[str]:
    return Path("/proc/net/tcp").read_text().splitlines()


def test_a_server_that_is_gone_when_the_model_is_loaded(stories_gguf: Path) -> None:
    async def run() -> None:
        async with serving() as server:
            _, plan, others = ladder(stories_gguf, server)
        said: list[str] = []
        async with Worker() as worker:
            loader = Loader(worker, plan, others)
            await loader.load(lambda _: None, said.append)
            assert await text_of(worker) == await answer(plan_of(stories_gguf))
        (notice,) = said
        assert notice.startswith(f"No RPC server can be reached at {server.endpoint}")
        assert notice.endswith("This time this computer computes alone.")

    asyncio.run(run())
