"""What is measured with a real worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.bench.prompts import words
from autoglm_lite.bench.reopened import NOT_KEPT, Reopened, reopened
from autoglm_lite.bench.report import bytes_a_token, report
from autoglm_lite.bench.schedule import Asked
from autoglm_lite.bench.speed import Measured, SpeedRun
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.planning.plan import Plan
from autoglm_lite.store import starter_path
from autoglm_lite.worker.client import Worker

PLAN = Plan(str(starter_path()), 1024, threads=1, threads_batch=1)


def quiet(doing: str, seconds_left: float | None) -> None:
    assert doing
    assert seconds_left is None or seconds_left >= 0


async def measured_speed(plan: Plan, asked: Asked, seconds: float = 170) -> Measured:
    async with Worker() as worker:
        return await SpeedRun(worker, plan, asked, quiet, seconds).run()


@pytest.mark.parametrize("n_tokens", [1, 7, 100, 333])
def test_texts_have_as_many_tokens_as_are_wanted(n_tokens: int) -> None:
    async def test() -> None:
        async with Worker() as worker:
            await worker.load(PLAN)

            async def count(text: str) -> int:
                return len(await worker.tokenize(text, templated=True))

            text = await words("seed", n_tokens, count)
            assert text == await words("seed", n_tokens, count) != await words("other", n_tokens, count)
            # One word may be several tokens.
            assert abs(await count(text) - n_tokens) <= (1 if n_tokens > 1 else 4)

    asyncio.run(test())


def test_speed_is_measured_at_each_depth_and_nothing_but_the_new_is_read() -> None:
    found = asyncio.run(measured_speed(PLAN, Asked(64, 12, 2)))
    assert [at.depth for at in found.depths] == [0, 768]
    for at in found.depths:
        assert len(at.answers) == 2
        for answers in at.answers:
            assert sum(n for answer in answers for _, n in answer.gaps) >= 10
            assert abs(answers[0].cached_tokens - at.depth) <= 4
            assert abs(answers[0].prompt_tokens - answers[0].cached_tokens - 64) <= 6
    for answer in found.warm:
        assert answer.prompt_tokens - answer.cached_tokens <= 16 + 4
    assert found.left_out == ()
    assert 0 < found.anonymous < found.resident


def test_without_time_depths_are_left_out() -> None:
    found = asyncio.run(measured_speed(PLAN, Asked(64, 12, 1), seconds=0))
    assert [at.depth for at in found.depths] == [0]
    assert found.left_out == (768,)


def test_a_prompt_that_is_read_again_at_once_is_not_taken_from_the_disk(tmp_path: Path) -> None:
    async def test() -> None:
        found = await measured_speed(PLAN, Asked(32, 4, 1), seconds=0)
        async with Worker(states=tmp_path) as worker:
            again = await reopened(worker, tmp_path, PLAN, found, quiet)
        assert again == Reopened((), NOT_KEPT)
        facts = read_facts(starter_path())
        done = report(facts, PLAN, found, again, 1e10)
        assert done.disk is None
        assert done.why_no_disk == NOT_KEPT
        share = done.depths[0].decode * bytes_a_token(facts, PLAN, 34) / 1e10
        assert done.depths[0].share == pytest.approx(share)
        assert facts.token_bytes < bytes_a_token(facts, PLAN, 34) < bytes_a_token(facts, PLAN, 900)

    asyncio.run(test())


@pytest.mark.slow
def test_a_prompt_that_takes_long_to_read_is_taken_from_the_disk(endless_gguf: Path, tmp_path: Path) -> None:
    plan = replace(PLAN, model_path=str(endless_gguf), n_ctx=4096)

    async def test() -> None:
        found = await measured_speed(plan, Asked(2500, 4, 1), seconds=0)
        async with Worker(states=tmp_path) as worker:
            again = await reopened(worker, tmp_path, plan, found, quiet)
        # A machine may be so fast that keeping it does not pay.
        assert len(again.answers) == (0 if again.why else 1)
        for answer in again.answers:
            assert answer.prompt_tokens - answer.cached_tokens <= 2 * 32

    asyncio.run(test())
