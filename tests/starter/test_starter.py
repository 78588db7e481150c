"""The built-in model, through the real worker: the held-out questions and the promises made for it."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

import autoglm_lite
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.generation import GenerateRequest, Sampling, Text
from autoglm_lite.gguf.facts import read_facts
from autoglm_lite.planning.plan import Plan
from autoglm_lite.worker.client import Worker
from starter import dialogue
from starter.arithmetic import Sum, is_held_out
from starter.evaluate import Question, ask, forbidden, read

MODEL = Path(autoglm_lite.__file__).parent / "data" / "starter.gguf"
FLOOR = 0.92
"""Slightly under the share measured when the model was made (starter/README.md)."""

Messages = list[tuple[str, str]]


def answers(conversations: list[Question]) -> list[str]:
    """The last answer of each conversation, always taking the likeliest token."""

    async def run() -> list[str]:
        template = ChatTemplate(read_facts(MODEL).chat_template or "")
        async with Worker() as worker:
            await worker.load(Plan(str(MODEL), 1024, threads=1, threads_batch=1))

            async def reply(messages: Messages) -> str:
                prompt = template.render([{"role": role, "content": text} for role, text in messages])
                request = GenerateRequest(prompt, templated=True, sampling=Sampling(temperature=0), max_tokens=200)
                events = [event async for event in worker.generate(request)]
                return "".join(event.text for event in events if isinstance(event, Text))

            return [await ask(conversation, reply) for conversation in conversations]

    return asyncio.run(run())


def test_is_small_and_free() -> None:
    assert MODEL.stat().st_size < 6_000_000
    facts = read_facts(MODEL)
    assert facts.chat_template is not None
    assert facts.sampling["temp"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    "question",
    [
        "How do I get a better model?",
        "how do i get a better model",
        "How can I get a better model, please?",
        "怎么获得更好的模型？",
        "怎么获得更好的模型?",
        "如何获得更好的模型",
    ],
)
def test_says_how_to_get_a_better_model(question: str) -> None:
    [answer] = answers([Question("", "better_model", (question,), (), ())])
    assert "GGUF" in answer
    assert "autoglm-lite chat " in answer
    assert "autoglm-lite convert " in answer


@pytest.mark.slow
def test_is_right_about_held_out_questions() -> None:
    questions = read()
    assert len(questions) >= 120
    given = answers(questions)
    right = [question.is_right(answer) for question, answer in zip(questions, given, strict=True)]
    assert sum(right) / len(right) >= FLOOR


def test_holds_a_short_conversation() -> None:
    turns = ("Hello!", "How do I get a better model?", "where do I download it?", "what is 12 + 30?", "Thank you!")
    begun = [Question("en", "dialogue", turns[: n + 1], (), ()) for n in range(len(turns))]
    greeting, better, where, result, farewell = answers(begun)
    assert "autoglm-lite" in greeting
    assert "GGUF" in better
    assert "modelscope.cn" in where
    assert "= 42" in result
    assert "welcome" in farewell or "glad" in farewell


def test_holds_a_short_conversation_in_chinese() -> None:
    turns = ("你好", "怎么换一个更好的模型？", "在哪里下载？", "12加30等于多少", "谢谢")
    begun = [Question("zh", "dialogue", turns[: n + 1], (), ()) for n in range(len(turns))]
    greeting, better, where, result, farewell = answers(begun)
    assert "autoglm-lite" in greeting
    assert "GGUF" in better
    assert "modelscope.cn" in where
    assert "= 42" in result
    assert "不" in farewell


def test_training_never_sees_a_held_out_question() -> None:
    questions = read()
    taboo = forbidden(questions)
    corpus = dialogue.corpus(taboo)
    rng = random.Random(1)
    asked = {dialogue.normalise(text) for _ in range(2000) for role, text in corpus.conversation(rng) if role == "user"}
    assert len(asked) > 2000
    assert not asked & taboo
    sums = (Sum(27, "+", 45), Sum(45, "+", 27), Sum(63, "-", 28), Sum(7, "*", 8))
    assert all(is_held_out(s) for s in sums)
