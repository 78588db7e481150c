"""Answers that end before their time: clients that leave, workers that die, queues that are full."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from pathlib import Path

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam

from autoglm_lite.engine.scheduler import MOST_WAITING
from autoglm_lite.errors import WorkerDiedError
from autoglm_lite.generation import Prefill, Waiting
from autoglm_lite.server import sse
from autoglm_lite.server.failures import Failure
from autoglm_lite.server.resident import Resident
from tests.server.serving import Running, serving

STORY: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Once upon a time"}]
BODY = {"model": "endless", "messages": STORY, "temperature": 1.5}


def resident(running: Running) -> Resident:
    return next(one for one in running.service.models.residents if one.name == "endless")


def at_rest(running: Running) -> bool:
    return resident(running).worker.seconds_idle is not None and not resident(running).n_users


def test_who_leaves_a_stream_ends_its_work(client: OpenAI, running: Running) -> None:
    with client.chat.completions.create(model="endless", messages=STORY, stream=True) as chunks:
        for _, chunk in zip(range(5), chunks, strict=False):
            assert chunk.choices
        assert not at_rest(running)
    running.until(lambda: at_rest(running))


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions"])
def test_who_does_not_wait_for_an_answer_ends_its_work(running: Running, path: str) -> None:
    running.http.post(path, json={**BODY, "prompt": "Once", "max_tokens": 1})
    with pytest.raises(httpx.ReadTimeout):
        running.http.post(path, json={**BODY, "prompt": "Once"}, timeout=0.5)
    running.until(lambda: at_rest(running))


def test_a_worker_that_dies_ends_the_stream_with_an_error(client: OpenAI, running: Running) -> None:
    chunks = client.chat.completions.create(model="endless", messages=STORY, stream=True)
    next(chunk for chunk in chunks if chunk.choices[0].delta.content)
    pid = resident(running).worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(openai.APIError) as caught:
        list(chunks)
    assert caught.value.type == "unavailable_error"
    assert "/" not in str(caught.value)
    # The next one finds another worker.
    whole = client.chat.completions.create(model="endless", messages=STORY, max_tokens=3)
    assert whole.choices[0].message.content
    assert resident(running).worker.pid != pid


def test_a_full_queue(model_files: dict[str, Path], tmp_path: Path) -> None:
    with ExitStack() as stack:
        running = stack.enter_context(serving(tmp_path, model_files, n_parallel=1))
        client = stack.enter_context(OpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0))
        # Each is begun, or knows that it waits, once its first chunk is here.
        for _ in range(1 + MOST_WAITING):
            chunks = client.chat.completions.create(model="endless", messages=STORY, stream=True)
            stack.callback(chunks.close)
            next(iter(chunks))
        for stream in (True, False):
            with pytest.raises(openai.RateLimitError) as caught:
                client.chat.completions.create(model="endless", messages=STORY, stream=stream)
            assert int(caught.value.response.headers["retry-after"]) > 0
            assert caught.value.code == "rate_limit_exceeded"


def collect(pieces: AsyncGenerator[bytes, None]) -> list[bytes]:
    async def run() -> list[bytes]:
        return [piece async for piece in pieces]

    return asyncio.run(run())


def test_signs_of_life_in_silence() -> None:
    async def pieces() -> AsyncGenerator[bytes | Waiting | Prefill, None]:
        # Before the first there is no stream yet.
        await asyncio.sleep(0.3)
        yield Waiting(2)
        await asyncio.sleep(0.25)
        yield Prefill(512, 2000, 0)
        await asyncio.sleep(0.25)
        yield b"a"
        yield b"b"

    found = collect(sse.alive(pieces(), 0.1))
    assert found[0] == b": waiting for 2 others\n\n"
    assert b": reading 512/2000\n\n" in found
    assert found[-2:] == [b"a", b"b"]
    assert not any(piece.startswith(b":") for piece in collect(sse.alive(pieces(), 60)))


def test_who_leaves_in_silence_ends_the_work() -> None:
    ended = []

    async def pieces() -> AsyncGenerator[bytes | Waiting | Prefill, None]:
        try:
            yield Waiting(1)
            await asyncio.sleep(60)
        finally:
            # As of an answer, whose end is waited for.
            await asyncio.sleep(0.01)
            ended.append(True)

    async def run() -> None:
        found = sse.alive(pieces(), 0.05)
        assert await anext(found) == b": waiting for 1 other\n\n"
        await found.aclose()
        assert ended == [True]
        # Nothing of it is left to the garbage collector.
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


def test_no_stream_ends_in_silence() -> None:
    async def pieces(error: Exception) -> AsyncGenerator[bytes, None]:
        yield b"a"
        raise error

    def tell(failure: Failure) -> bytes:
        return failure.kind.encode()

    assert collect(sse.told(pieces(WorkerDiedError("x")), tell)) == [b"a", b"unavailable"]
    assert collect(sse.told(pieces(ZeroDivisionError()), tell)) == [b"a", b"internal"]
