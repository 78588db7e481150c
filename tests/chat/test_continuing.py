"""Answers that go on, with a real model and as templates want them."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.chat.continuing import left_open
from autoglm_lite.chat.events import ChatEvent
from autoglm_lite.chat.history import History
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.generation import Finished, Sampling
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.backend import LocalBackend

STARTER = Path(__file__).parents[2] / "autoglm_lite" / "data" / "starter.gguf"


@pytest.mark.parametrize(
    ("prompt", "reasoning", "answer", "expected"),
    [
        ("[assistant ", "", "", ("[assistant ", None)),
        ("[assistant ", "", "Yes ", ("[assistant Yes ", "answer")),
        ("[assistant ", "hm", "", ("[assistant <think>\nhm", "reasoning")),
        ("[assistant ", " hm\n", "Yes", ("[assistant <think>\nhm\n</think>\n\nYes", "answer")),
        # The template has the model think, or has it not.
        ("[assistant <think>\n", "hm", "", ("[assistant <think>\nhm", "reasoning")),
        ("[assistant <think>", "hm", "Yes", ("[assistant <think>\nhm\n</think>\n\nYes", "answer")),
        ("[assistant <think>\n", "", "Yes", ("[assistant <think>\n\n</think>\n\nYes", "answer")),
        ("[assistant <think>\n\n</think>\n\n", "hm", "Yes", ("[assistant <think>\n\n</think>\n\nYes", "answer")),
        ("[assistant <think>\n", "", "", ("[assistant <think>\n", None)),
    ],
)
def test_how_an_answer_is_left_open(prompt: str, reasoning: str, answer: str, expected: tuple[str, str | None]) -> None:
    assert left_open(prompt, reasoning, answer) == expected


def test_a_real_answer_in_parts_is_the_answer_in_one(tmp_path: Path) -> None:
    facts = read_facts(STARTER)
    template = ChatTemplate(facts.chat_template or "", bos=facts.bos_text, eos=facts.eos_text)
    history = History(tmp_path / "conversations.db")
    whole = ChatSetup(1024, facts, history, template, Sampling(temperature=0), max_tokens=200)

    async def finish(events: AsyncGenerator[ChatEvent, None]) -> Finished:
        *_, last = [event async for event in events]
        assert isinstance(last, Finished)
        return last

    async def talk() -> None:
        model = LocalBackend(Plan(str(STARTER), 1024, threads=1, threads_batch=1))
        await model.load(lambda _: None, lambda _: None)
        try:
            session = Session(model, whole)
            await finish(session.answer("Hello, who are you?"))
            (at_once,) = session.turns
            assert at_once.state == "complete"
            session = Session(model, replace(whole, max_tokens=7))
            ended = await finish(session.answer("Hello, who are you?"))
            for _ in range(100):
                if ended.reason == "stop":
                    break
                ended = await finish(session.go_on())
                # All but the last tokens are still in the cache.
                assert ended.prompt_tokens - ended.cached_tokens <= 4
            (in_parts,) = session.turns
            assert (in_parts.answer, in_parts.state) == (at_once.answer, "complete")
            again = await finish(session.again(session.turns[0]))
            assert again.completion_tokens == 7
            assert at_once.answer.startswith(session.turns[0].answer)
        finally:
            await model.close()
            template.close()
            history.close()

    asyncio.run(talk())
