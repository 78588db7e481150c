"""A turn of a conversation: what the model is asked, what the face sees, what is on disk afterwards."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.chat.events import Answer, ChatEvent, Forgotten, Reasoning
from autoglm_lite.chat.history import History
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup, model_sampling
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.errors import HistoryError, PromptTooLongError, TemplateError, WorkerDiedError
from autoglm_lite.generation import Event, Finished, GenerateRequest, Prefill, Sampling, Text
from autoglm_lite.gguf.facts import read_facts

TEMPLATE = """\
{%- if messages[0].role == 'system' and messages[0].content == 'refused' %}{{ raise_exception('no system') }}{% endif %}
{%- for m in messages %}[{{ m.role }} {{ m.content }}]{% endfor %}[assistant {% if enable_thinking %}<think>{% endif %}
"""


class Scripted:
    """A model that says what it is told to; a token is a word of the prompt, or a piece of the answer."""

    def __init__(self, *answers: Sequence[str | Exception]) -> None:
        self._answers = iter(answers)
        self._cancelled = False
        self.requests: list[GenerateRequest] = []

    @property
    def prompts(self) -> list[str]:
        return [request.prompt for request in self.requests]

    async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
        return [0] * len(text.split())

    async def cancel(self, request: GenerateRequest, /) -> None:
        self._cancelled = request is self.requests[-1]

    async def generate(self, request: GenerateRequest, /) -> AsyncGenerator[Event, None]:
        self.requests.append(request)
        self._cancelled = False
        n_prompt, n_sampled = len(request.prompt.split()), 0
        yield Prefill(n_prompt, n_prompt, 0)
        for piece in next(self._answers):
            await asyncio.sleep(0)
            if self._cancelled or n_sampled == request.max_tokens:
                break
            if isinstance(piece, Exception):
                raise piece
            n_sampled += 1
            yield Text(piece, 1)
        else:
            yield Finished("stop", n_prompt, 0, n_sampled, 1.0, 2.0)
            return
        yield Finished("cancelled" if self._cancelled else "length", n_prompt, 0, n_sampled, 1.0, 2.0)


@pytest.fixture(scope="module")
def template() -> Iterator[ChatTemplate]:
    made = ChatTemplate(TEMPLATE)
    yield made
    made.close()


@pytest.fixture
def setup(tmp_path: Path, stories_gguf: Path, template: ChatTemplate) -> Iterator[ChatSetup]:
    with History(tmp_path / "conversations.db") as history:
        yield ChatSetup(100, read_facts(stories_gguf), history, template, Sampling())


async def ask(session: Session, question: str) -> list[ChatEvent]:
    return [event async for event in session.answer(question)]


def texts(events: Sequence[ChatEvent]) -> tuple[str, str]:
    """Reasoning and answer."""
    return (
        "".join(e.text for e in events if isinstance(e, Reasoning)),
        "".join(e.text for e in events if isinstance(e, Answer)),
    )


def on_disk(setup: ChatSetup, session: Session) -> list[tuple[str, str, str, str]]:
    assert session.conversation is not None
    messages = setup.history.messages(session.conversation.id)
    return [(m.role, m.content, m.reasoning, m.state) for m in messages]


def test_a_conversation(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["Hel", "lo"], ["<think>", "hm", "</think>", "\n", "4"])
        session = Session(model, replace(setup, system="Be kind."))
        assert session.conversation is None
        events = await ask(session, "Hi")
        assert events == [
            Prefill(4, 4, 0),
            Answer("Hel", 1),
            Answer("lo", 1),
            Finished("stop", 4, 0, 2, 1.0, 2.0),
        ]
        assert texts(await ask(session, "2 + 2?")) == ("hm", "4")
        assert model.prompts == [
            "[system Be kind.][user Hi][assistant ",
            "[system Be kind.][user Hi][assistant Hello][user 2 + 2?][assistant ",
        ]
        assert on_disk(setup, session) == [
            ("user", "Hi", "", "complete"),
            ("assistant", "Hello", "", "complete"),
            ("user", "2 + 2?", "", "complete"),
            ("assistant", "4", "hm", "complete"),
        ]
        again = Session(Scripted(), replace(setup, conversation=session.conversation))
        assert again.turns == session.turns
        assert [turn.model for turn in again.turns] == [setup.facts.name] * 2

    asyncio.run(talk())


def test_tokens_are_counted_whatever_is_held_back(setup: ChatSetup) -> None:
    async def talk() -> None:
        pieces = ["<th", "ink>", " ", "a", "\n", "b", "</", "think>", "\n", "", "c", " "]
        events = await ask(Session(Scripted(pieces), setup), "q")
        assert texts(events) == ("a\nb", "c ")
        assert sum(e.n_tokens for e in events if isinstance(e, Answer | Reasoning)) == len(pieces)

    asyncio.run(talk())


def test_a_model_without_a_template_continues_the_text(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["<think>", "", " there"], ["!"])
        session = Session(model, replace(setup, template=None, system="unused"))
        events = await ask(session, "Once")
        assert texts(events) == ("", "<think> there")
        await ask(session, "Twice")
        assert model.prompts == ["Once", "Twice"]
        assert not any(request.templated for request in model.requests)

    asyncio.run(talk())


def test_a_template_without_system_prompts_gets_it_in_the_first_question(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["ok"])
        await ask(Session(model, replace(setup, system="refused")), "Hi")
        assert model.prompts == ["[user refused\n\nHi][assistant "]

    asyncio.run(talk())


def test_sampling_and_limits_reach_the_model(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["a", "b", "c"])
        sampling = Sampling(temperature=0, seed=3)
        session = Session(model, replace(setup, sampling=sampling, max_tokens=2))
        events = await ask(session, "q")
        assert (model.requests[0].sampling, model.requests[0].max_tokens) == (sampling, 2)
        assert texts(events) == ("", "ab")
        assert on_disk(setup, session)[-1] == ("assistant", "ab", "", "cut off")

    asyncio.run(talk())


def test_stopping_keeps_what_came(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["a"] * 1000), setup)
        events: list[ChatEvent] = []
        async for event in session.answer("q"):
            events.append(event)
            if len(events) == 4:
                await session.stop()
        assert isinstance(events[-1], Finished)
        assert events[-1].reason == "cancelled"
        assert texts(events) == ("", "aaa")
        assert on_disk(setup, session)[-1] == ("assistant", "aaa", "", "stopped")

    asyncio.run(talk())


def test_leaving_in_the_middle_keeps_what_came(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["a"] * 1000), setup)
        async with aclosing(session.answer("q")) as events:
            async for event in events:
                if isinstance(event, Answer):
                    break
        assert on_disk(setup, session)[-1] == ("assistant", "a", "", "stopped")
        assert session.turns[-1].state == "stopped"

    asyncio.run(talk())


def test_cancelling_the_task_keeps_what_came(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["a"] * 100_000), setup)
        seen = asyncio.Event()

        async def read() -> None:
            async for event in session.answer("q"):
                if isinstance(event, Answer):
                    seen.set()

        task = asyncio.create_task(read())
        await seen.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        role, content, _, state = on_disk(setup, session)[-1]
        assert (role, state) == ("assistant", "stopped")
        assert content.startswith("a")

    asyncio.run(talk())


def test_stopping_before_the_model_began(setup: ChatSetup) -> None:
    class StoppedEarly(Scripted):
        async def tokenize(self, text: str, /, *, templated: bool) -> list[int]:
            await session.stop()
            return []

    async def talk() -> None:
        events = await ask(session, "q")
        assert [event.reason for event in events if isinstance(event, Finished)] == ["cancelled"]
        assert model.requests == []
        assert on_disk(setup, session) == [("user", "q", "", "complete")]

    model = StoppedEarly(["never"])
    session = Session(model, setup)
    asyncio.run(talk())


def test_the_death_of_the_worker_keeps_what_came(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["half", WorkerDiedError("Killed.")], [WorkerDiedError("Killed.")], ["whole"])
        session = Session(model, setup)
        with pytest.raises(WorkerDiedError):
            await ask(session, "first")
        assert on_disk(setup, session)[-1] == ("assistant", "half", "", "cut off")
        with pytest.raises(WorkerDiedError):
            await ask(session, "second")
        await ask(session, "third")
        # A question without any answer is kept on disk but not shown to the model.
        assert model.prompts[-1] == "[user first][assistant half][user third][assistant "
        assert [row[:2] for row in on_disk(setup, session)][2:] == [
            ("user", "second"),
            ("user", "third"),
            ("assistant", "whole"),
        ]
        again = Session(Scripted(), replace(setup, conversation=session.conversation))
        assert [(t.question, t.answer) for t in again.turns] == [("first", "half"), ("second", ""), ("third", "whole")]

    asyncio.run(talk())


def test_the_answer_is_on_disk_while_it_grows(setup: ChatSetup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autoglm_lite.chat.recorder.SECONDS_BETWEEN_WRITES", 0.0)

    async def talk() -> None:
        session = Session(Scripted([f"{n} " for n in range(2000)]), setup)
        n_answers = 0
        lengths = set()
        async for event in session.answer("q"):
            n_answers += isinstance(event, Answer)
            if isinstance(event, Answer) and n_answers % 100 == 0:
                await asyncio.sleep(0.01)
                last = on_disk(setup, session)[-1]
                assert last[0] == "assistant"
                assert last[3] == "cut off"
                lengths.add(len(last[1]))
        assert len(lengths) > 5
        assert on_disk(setup, session)[-1][3] == "complete"

    asyncio.run(talk())


def test_the_budget_of_the_reasoning_goes_to_the_model(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["well", " well</think>", "so", " 4"])
        session = Session(model, replace(setup, thinking=True, thinking_tokens=2, max_tokens=10))
        assert texts(await ask(session, "2 + 2?")) == ("well well", "so 4")
        (request,) = model.requests
        assert request.prompt == "[user 2 + 2?][assistant <think>"
        assert (request.thinking_tokens, request.max_tokens) == (2, 10)
        assert on_disk(setup, session)[-1] == ("assistant", "so 4", "well well", "complete")

    asyncio.run(talk())


def test_a_stop_while_reasoning_ends_the_answer(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["hm "] * 100, ["never"])
        session = Session(model, replace(setup, thinking=True, thinking_tokens=2))
        events = []
        async for event in session.answer("q"):
            events.append(event)
            if isinstance(event, Reasoning):
                await session.stop()
        assert len(model.requests) == 1
        assert isinstance(events[-1], Finished)
        assert events[-1].reason == "cancelled"

    asyncio.run(talk())


def test_a_conversation_that_outgrows_the_context(setup: ChatSetup) -> None:
    async def talk() -> None:
        n_turns = 30
        model = Scripted(*[["word " * 3]] * n_turns)
        session = Session(model, replace(setup, system="Be kind."))
        forgotten = [0]
        for n in range(n_turns):
            events = await ask(session, f"question {n} ?")
            assert len(model.prompts[-1].split()) <= 75
            assert model.prompts[-1].startswith("[system Be kind.]")
            forgotten += [event.turns for event in events if isinstance(event, Forgotten)]
        # Many at once, so that between two such cuts each prompt begins as the one before it.
        assert 1 < len(forgotten) < 8
        assert f"question {sum(forgotten)} ?" in model.prompts[-1]
        assert f"question {sum(forgotten) - 1} ?" not in model.prompts[-1]
        assert len(session.turns) == n_turns

    asyncio.run(talk())


def test_a_question_longer_than_the_context(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["ok"], ["ok"]), setup)
        await ask(session, "short")
        with pytest.raises(PromptTooLongError, match=r"has 20\d tokens but the context holds 100"):
            await ask(session, "long " * 200)
        assert [row[0] for row in on_disk(setup, session)] == ["user", "assistant", "user"]
        assert texts(await ask(session, "short again")) == ("", "ok")

    asyncio.run(talk())


def test_a_failing_template_comes_after_the_question_is_kept(setup: ChatSetup) -> None:
    async def talk() -> None:
        broken = ChatTemplate("{{ 1 / 0 }}")
        session = Session(Scripted(), replace(setup, template=broken))
        with pytest.raises(TemplateError):
            await ask(session, "q")
        assert on_disk(setup, session) == [("user", "q", "", "complete")]
        broken.close()

    asyncio.run(talk())


def test_an_answer_that_cannot_be_kept_is_still_given(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["a" * 1_000_000, "b"]), setup)
        pieces = []
        with pytest.raises(HistoryError, match="disk is full"):
            async for event in session.answer("q"):
                if isinstance(event, Prefill):
                    setup.history._connection.execute("PRAGMA max_page_count = 20")
                pieces.append(event)
        assert texts(pieces)[1].endswith("ab")

    asyncio.run(talk())


def test_a_new_system_prompt_replaces_the_old_one(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["ok"]), replace(setup, system="old"))
        await ask(session, "q")
        model = Scripted(["ok"])
        again = Session(model, replace(setup, system="new", conversation=session.conversation))
        await ask(again, "r")
        assert model.prompts[0].startswith("[system new][user q]")
        assert again.conversation is not None
        assert setup.history.get(again.conversation.id).system == "new"

    asyncio.run(talk())


def test_half_of_a_character(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["ok"], ["ok"])
        session = Session(model, setup)
        await ask(session, "a\ud800b")
        await ask(Session(model, replace(setup, template=None)), "\udc80")
        assert model.prompts == ["[user a?b][assistant ", "?"]
        assert on_disk(setup, session)[0] == ("user", "a?b", "", "complete")

    asyncio.run(talk())


def test_sampling_advised_by_the_file() -> None:
    assert model_sampling({}) == Sampling()
    advice = {"temp": 0.6, "top_k": 20.0, "top_p": 0.9, "min_p": 0.0, "penalty_repeat": 1.1, "penalty_last_n": 32.0}
    expected = Sampling(0.6, 20, 0.9, 0.0, repeat_penalty=1.1, repeat_last_n=32)
    assert model_sampling({**advice, "sequence": 3.0}) == expected
    assert model_sampling({**advice, "mirostat": 2.0, "xtc_probability": 0.5}) == replace(
        expected, mirostat=2, xtc_probability=0.5
    )


def test_advice_that_makes_no_sense_is_not_followed() -> None:
    nonsense = {"temp": -1.0, "top_k": -1.0, "top_p": float("nan"), "min_p": 7.0, "mirostat": 9.0}
    assert model_sampling(nonsense) == Sampling()
