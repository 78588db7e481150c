"""The running service as the backend of a face: a real service with real models, asked by our own client."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.chat.backend import Footprint
from autoglm_lite.errors import AutoglmError, PromptTooLongError, UnknownModelError
from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Sampling, Text
from autoglm_lite.planning.plan import Plan
from autoglm_lite.remote.backend import NOT_SERVED, ServiceBackend, ServiceFirst
from autoglm_lite.remote.client import Client, Offered
from autoglm_lite.remote.http import Address, ServiceGoneError
from autoglm_lite.store import starter_path
from autoglm_lite.worker.backend import LocalBackend
from tests.server.serving import Running, serving

N_CTX = 16384
"""Longer to fill than any test waits."""
GREEDY = Sampling(temperature=0)
QUESTION = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=40)
ENDLESS = replace(QUESTION, max_tokens=None)


@pytest.fixture(scope="module")
def running(endless_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    files = {"starter": starter_path(), "endless": endless_gguf}
    with serving(tmp_path_factory.mktemp("kept"), files, n_ctx=N_CTX, n_parallel=2) as found:
        yield found


def address(running: Running) -> Address:
    return Address(os.getpid(), running.url, None, None)


def backend(running: Running, name: str = "endless", file: Path = Path("endless.gguf")) -> ServiceBackend:
    return ServiceBackend(lambda: address(running), name, file, 512)


def local(file: Path) -> LocalBackend:
    return LocalBackend(Plan(str(file), N_CTX, threads=1, threads_batch=1))


async def loaded(model: ServiceBackend | ServiceFirst | LocalBackend) -> list[str]:
    """Loads it; returns the notices."""
    said: list[str] = []
    await model.load(lambda share: None, said.append)
    return said


async def events(model: ServiceBackend | ServiceFirst | LocalBackend, request: GenerateRequest) -> list[Event]:
    return [event async for event in model.generate(request)]


def text(of: list[Event]) -> str:
    return "".join(event.text for event in of if isinstance(event, Text))


async def until_idle(running: Running) -> None:
    """The service's worker has nothing to do."""
    await asyncio.to_thread(
        running.until,
        lambda: all(resident.worker.seconds_idle is not None for resident in running.service.models.residents),
    )


def test_answers_are_those_of_a_worker_of_our_own(running: Running, endless_gguf: Path) -> None:
    async def compare() -> None:
        served, ours = backend(running), local(endless_gguf)
        try:
            before = served.loaded
            assert await loaded(served) == await loaded(ours) == []
            assert (before, served.loaded) == (False, True)
            assert (served.place, served.n_ctx, ours.place) == ("service", N_CTX, "here")
            for request in (QUESTION, replace(QUESTION, templated=True), replace(QUESTION, stop=("girl",))):
                assert await served.tokenize(request.prompt, templated=request.templated) == await ours.tokenize(
                    request.prompt, templated=request.templated
                )
                theirs, own = await events(served, request), await events(ours, request)
                assert text(theirs) == text(own) != ""
                assert isinstance(theirs[-1], Finished)
                assert isinstance(own[-1], Finished)
                counts = ("reason", "prompt_tokens", "completion_tokens")
                assert [getattr(theirs[-1], name) for name in counts] == [getattr(own[-1], name) for name in counts]
                assert isinstance(theirs[0], Prefill)
                assert theirs[-1].decode_seconds > 0
        finally:
            await ours.close()

    asyncio.run(compare())


def test_every_way_of_sampling_reaches_the_service(running: Running, endless_gguf: Path) -> None:
    sampling = Sampling(
        temperature=1.5,
        top_k=7,
        top_p=0.9,
        min_p=0.01,
        repeat_penalty=1.3,
        dry_multiplier=0.5,
        seed=11,
        logit_bias=((300, -5.0),),
        mirostat=0,
        xtc_probability=0.2,
    )

    async def compare() -> None:
        served, ours = backend(running), local(endless_gguf)
        try:
            await loaded(served)
            await loaded(ours)
            request = replace(QUESTION, sampling=sampling)
            assert text(await events(served, request)) == text(await events(ours, request))
        finally:
            await ours.close()

    asyncio.run(compare())


def test_cancelling_stops_the_work_of_the_service(running: Running) -> None:
    async def ask() -> None:
        model = backend(running)
        await loaded(model)
        request = replace(ENDLESS)
        seen: list[Event] = []
        async for event in model.generate(request):
            seen.append(event)
            if isinstance(event, Text):
                await model.cancel(request)
        assert isinstance(seen[-1], Finished)
        assert seen[-1].reason == "cancelled"
        assert seen[-1].completion_tokens < N_CTX // 2
        assert seen[-1].prompt_tokens == 5
        await until_idle(running)
        async with aclosing(model.generate(ENDLESS)) as coming:
            async for event in coming:
                if isinstance(event, Text):
                    break
        await until_idle(running)
        assert model.loaded

    asyncio.run(ask())


def test_refusals_keep_their_sentence(running: Running) -> None:
    async def ask() -> None:
        model = backend(running)
        await loaded(model)
        with pytest.raises(PromptTooLongError, match=f"{N_CTX}") as refused:
            await events(model, replace(QUESTION, prompt="Once " * 20_000))
        assert refused.value.n_ctx == N_CTX
        with pytest.raises(AutoglmError, match="temperature"):
            await events(model, replace(QUESTION, sampling=Sampling(temperature=1000)))
        assert model.loaded
        with pytest.raises(UnknownModelError):
            await loaded(backend(running, "nobody"))

    asyncio.run(ask())


def test_what_is_offered(running: Running, endless_gguf: Path) -> None:
    async def ask() -> None:
        await loaded(backend(running))
        offered = {model.name: model for model in await Client(address(running)).models()}
        assert set(offered) == {"endless", "starter"}
        assert offered["endless"] == Offered("endless", N_CTX, endless_gguf.stat().st_size)

    asyncio.run(ask())


def test_how_the_service_has_planned_is_not_known(running: Running, endless_gguf: Path) -> None:
    async def ask() -> None:
        found: Address | None = address(running)
        model = ServiceFirst(
            ServiceBackend(lambda: found, "endless", endless_gguf, 512), lambda say: local(endless_gguf)
        )
        await loaded(model)
        assert await model.footprint(idle=True) == Footprint()
        found = None
        await model._service.close()
        await loaded(model)
        assert (await model.footprint(idle=True)).threads == 1
        await model.close()

    asyncio.run(ask())


def test_no_service_means_a_worker_of_our_own(endless_gguf: Path) -> None:
    async def ask(found: Address | None) -> None:
        planned: list[str] = []

        def make(say: object) -> LocalBackend:
            planned.append("once")
            return local(endless_gguf)

        model = ServiceFirst(ServiceBackend(lambda: found, "endless", endless_gguf, 512), make)
        try:
            assert await loaded(model) == [NOT_SERVED]
            assert (model.place, model.loaded, model.n_ctx) == ("here", True, N_CTX)
            assert text(await events(model, QUESTION)).startswith(", there was")
            assert await loaded(model) == []
            assert planned == ["once"]
        finally:
            await model.close()

    asyncio.run(ask(None))
    asyncio.run(ask(Address(os.getpid(), "http://127.0.0.1:1", None, None)))
    asyncio.run(ask(Address(os.getpid(), None, "/nowhere/at/all.sock", None)))


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"data": [3]}',
        b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nOops",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_whatever_else_listens_there_is_no_service(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(ServiceGoneError):
                await Client(Address(os.getpid(), f"http://127.0.0.1:{port}", None, "key")).models()

    asyncio.run(ask())


def test_a_service_of_another_version_is_no_service() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: {"prompt_progress": {"new": 1}}\n\n')
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            model = ServiceBackend(lambda: None, "x", Path("x.gguf"), 512)
            model._client = Client(Address(os.getpid(), f"http://127.0.0.1:{port}", None, None))
            with pytest.raises(ServiceGoneError):
                await events(model, QUESTION)
            assert not model.loaded

    asyncio.run(ask())
