"""A real child with a real model: answers, cancels, deaths."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.errors import LoadError, PromptTooLongError, UsageError, WorkerDiedError
from autoglm_lite.generation import Finished, GenerateRequest, Prefill, Sampling, Text
from autoglm_lite.planning.plan import Plan, Saving
from autoglm_lite.worker import connection
from autoglm_lite.worker.client import Worker

STORY = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball."
    " She wanted to play with it, but it was too high."
)
GREEDY = Sampling(temperature=0)
ENDLESS = GenerateRequest("Once upon a time", templated=False, sampling=Sampling(seed=1))


def plan_of(model: Path, n_ctx: int = 512) -> Plan:
    # One thread: where other tests compete for the cores, two wait for each other at every node of the graph.
    return Plan(str(model), n_ctx, threads=1, threads_batch=1)


def with_worker(model: Path, test: Callable[[Worker], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await worker.load(plan_of(model))
            await test(worker)

    asyncio.run(run())


async def answer(worker: Worker, request: GenerateRequest) -> tuple[str, Finished, list[Prefill]]:
    text, prefill, finished = "", [], None
    async for event in worker.generate(request):
        if isinstance(event, Text):
            text += event.text
        elif isinstance(event, Prefill):
            prefill.append(event)
        elif isinstance(event, Finished):
            assert finished is None
            finished = event
    assert finished is not None
    return text, finished, prefill


def test_tells_the_story(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        text, finished, prefill = await answer(worker, request)
        assert text.startswith(STORY)
        assert (finished.reason, finished.completion_tokens, finished.cached_tokens) == ("length", 70, 0)
        assert (prefill[0].done, prefill[-1].done) == (0, finished.prompt_tokens)
        again, finished, _ = await answer(worker, request)
        assert again == text
        assert finished.cached_tokens == finished.prompt_tokens - 1

    with_worker(stories_gguf, test)


def test_another_prompt_reuses_only_the_common_prefix(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        long = "Once upon a time there was a dog. " * 8
        await answer(worker, GenerateRequest(long + "He ran", templated=False, sampling=GREEDY, max_tokens=20))
        other = GenerateRequest(long + "She sat", templated=False, sampling=GREEDY, max_tokens=20)
        text, finished, _ = await answer(worker, other)
        assert 0 < finished.cached_tokens < finished.prompt_tokens
        async with Worker() as fresh:
            await fresh.load(plan_of(stories_gguf))
            expected, finished, _ = await answer(fresh, other)
        assert finished.cached_tokens == 0
        assert text == expected

    with_worker(stories_gguf, test)


def test_a_stop_string_ends_the_answer_before_it(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, stop=(" park",))
        text, finished, _ = await answer(worker, request)
        assert text.endswith("outside in the")
        assert finished.reason == "stop"

    with_worker(stories_gguf, test)


def test_a_full_context_ends_the_answer(stories_gguf: Path) -> None:
    async def run() -> None:
        async with Worker() as worker:
            loaded = await worker.load(plan_of(stories_gguf, n_ctx=256))
            endless = GenerateRequest("Once", templated=False, sampling=GREEDY)
            _, finished, _ = await answer(worker, endless)
            assert finished.reason in ("context", "stop")
            if finished.reason == "context":
                assert finished.prompt_tokens + finished.completion_tokens == loaded.n_ctx + 1

    asyncio.run(run())


def test_a_seed_repeats_its_answer(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        request = GenerateRequest("One day", templated=False, sampling=Sampling(seed=7), max_tokens=40)
        first, _, _ = await answer(worker, request)
        assert (await answer(worker, request))[0] == first
        other = GenerateRequest("One day", templated=False, sampling=Sampling(seed=8), max_tokens=40)
        assert (await answer(worker, other))[0] != first

    with_worker(stories_gguf, test)


def test_cancel_ends_the_answer_and_the_next_one_is_right(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        async for event in worker.generate(ENDLESS):
            if isinstance(event, Text):
                await worker.cancel(ENDLESS)
        assert isinstance(event, Finished)
        assert event.reason == "cancelled"
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        assert (await answer(worker, request))[0].startswith(STORY)

    with_worker(stories_gguf, test)


def test_a_closed_stream_leaves_the_worker_ready(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        events = worker.generate(ENDLESS)
        async for event in events:
            if isinstance(event, Text):
                break
        await events.aclose()
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        assert (await answer(worker, request))[0].startswith(STORY)

    with_worker(stories_gguf, test)


def test_a_child_that_does_not_come_to_rest_is_killed(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SECONDS_TO_REST", 0.2)

    async def test(worker: Worker) -> None:
        stuck = worker.pid
        assert stuck is not None
        events = worker.generate(ENDLESS)
        async for event in events:
            if isinstance(event, Text):
                os.kill(stuck, signal.SIGSTOP)
                break
        await events.aclose()
        await worker.load(plan_of(stories_gguf))
        assert worker.pid != stuck
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        assert (await answer(worker, request))[0].startswith(STORY)

    with_worker(stories_gguf, test)


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGKILL, "memory ran out"), (signal.SIGABRT, "internal error"), (signal.SIGSEGV, "SIGSEGV")],
)
def test_a_death_in_mid_answer_is_said_and_survived(stories_gguf: Path, number: int, said: str) -> None:
    async def test(worker: Worker) -> None:
        first = worker.pid
        assert first is not None
        with pytest.raises(WorkerDiedError, match=said):
            async for event in worker.generate(ENDLESS):
                if isinstance(event, Text):
                    os.kill(first, number)
        assert (worker.pid, worker.loaded) == (None, None)
        with pytest.raises(WorkerDiedError):
            await worker.tokenize("x", templated=False)
        await worker.load(plan_of(stories_gguf))
        assert worker.pid not in (None, first)
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        assert (await answer(worker, request))[0].startswith(STORY)

    with_worker(stories_gguf, test)


def test_too_long_and_empty_prompts_are_refused(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        with pytest.raises(PromptTooLongError, match="512"):
            await answer(worker, GenerateRequest("word " * 2000, templated=False))
        with pytest.raises(UsageError, match="empty"):
            await answer(worker, GenerateRequest("", templated=True))
        assert await worker.tokenize("hello", templated=False)

    with_worker(stories_gguf, test)


def test_a_worker_closed_in_mid_answer_fails_the_answer(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        with pytest.raises(WorkerDiedError, match="unloaded"):
            async for event in worker.generate(ENDLESS):
                if isinstance(event, Prefill) and event.done == event.total:
                    await worker.close()

    with_worker(stories_gguf, test)


def test_a_text_longer_than_any_context_is_not_even_sent(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        with pytest.raises(PromptTooLongError, match="characters"):
            await answer(worker, GenerateRequest("x" * 9_000_000, templated=False))

    with_worker(stories_gguf, test)


def test_a_file_that_llama_cpp_refuses(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)

    async def run() -> None:
        async with Worker() as worker:
            with pytest.raises(LoadError, match=r"cannot load .* It says: .+\.$"):
                await worker.load(plan_of(broken))
            assert worker.loaded is None

    asyncio.run(run())


def test_the_child_is_the_first_to_go_when_memory_runs_out_and_ends_with_its_client(stories_gguf: Path) -> None:
    async def run() -> int:
        async with Worker() as worker:
            await worker.load(plan_of(stories_gguf))
            assert worker.pid is not None
            score = Path(f"/proc/{worker.pid}/oom_score_adj")
            if score.exists():
                assert score.read_text().strip() == "1000"
            return worker.pid

    pid = asyncio.run(run())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_log_that_cannot_be_written_is_done_without(stories_gguf: Path, home: Path) -> None:
    home.write_text("in the way of every folder below it")

    async def test(worker: Worker) -> None:
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        assert (await answer(worker, request))[0].startswith(STORY)

    with_worker(stories_gguf, test)


def test_a_context_is_changed_without_loading_the_weights_again(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        loads: list[float] = []
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        pid = worker.pid
        for plan in (
            replace(plan_of(stories_gguf), threads=2, threads_batch=2, n_ubatch=16),
            replace(plan_of(stories_gguf), flash_attention=False),
            replace(plan_of(stories_gguf, n_ctx=256), kv_type="f32", saving=Saving(1, 5)),
        ):
            loaded = await worker.load(plan, loads.append)
            assert loaded.n_ctx == plan.n_ctx
            text, finished, _ = await answer(worker, request)
            assert text.startswith(STORY)
            # Nothing of an earlier context is left.
            assert finished.cached_tokens == 0
        assert loads == []
        await worker.load(replace(plan_of(stories_gguf), repack=False), loads.append)
        assert loads
        assert (await answer(worker, request))[0].startswith(STORY)
        assert worker.pid == pid

    with_worker(stories_gguf, test)


def test_a_context_that_cannot_be_made_leaves_a_worker_that_loads_again(stories_gguf: Path) -> None:
    async def test(worker: Worker) -> None:
        # llama.cpp quantises values for flash attention alone.
        with pytest.raises(LoadError):
            await worker.load(replace(plan_of(stories_gguf), kv_type="q8_0", flash_attention=False))
        with pytest.raises(LoadError):
            await answer(worker, ENDLESS)
        await worker.load(plan_of(stories_gguf))
        await answer(worker, replace(ENDLESS, max_tokens=3))

    with_worker(stories_gguf, test)


def test_who_is_cancelled_twice_leaves_a_living_worker(stories_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Esc again while the answer is being ended: nothing is left that would kill the worker later."""
    monkeypatch.setattr(connection, "SECONDS_TO_REST", 0.3)

    async def test(worker: Worker) -> None:
        pid, begun = worker.pid, asyncio.Event()

        async def read() -> None:
            async for event in worker.generate(ENDLESS):
                if isinstance(event, Text):
                    begun.set()

        task = asyncio.create_task(read())
        await begun.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.5)
        request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
        assert (await answer(worker, request))[0].startswith(STORY)
        assert worker.pid == pid

    with_worker(stories_gguf, test)


def test_answers_at_the_same_time(stories_gguf: Path) -> None:
    async def run() -> None:
        async with Worker() as worker:
            await worker.load(replace(plan_of(stories_gguf), n_parallel=2))
            request = GenerateRequest("Once upon a time", templated=False, sampling=GREEDY, max_tokens=70)
            three = replace(request, n=3)
            alone = (await answer(worker, request))[0]
            texts, stopped = await asyncio.gather(
                asyncio.gather(*(answer(worker, replace(request)) for _ in range(5))), choices(worker, three)
            )
            assert [text for text, _, _ in texts] == [alone] * 5
            assert stopped == [alone] * 3
            assert await worker.tokenize("Once", templated=False)

    asyncio.run(run())


async def choices(worker: Worker, request: GenerateRequest) -> list[str]:
    texts = [""] * request.n
    async for event in worker.generate(request):
        if isinstance(event, Text):
            texts[event.choice] += event.text
    return texts
