"""Edits, answers written again and answers gone on with: branches that keep what was said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.branches import open_turns, turns_of
from autoglm_lite.chat.events import Answer, ChatEvent, Reasoning
from autoglm_lite.chat.history import History
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.chat.template import ChatTemplate
from autoglm_lite.errors import HistoryError, UsageError, WorkerDiedError
from autoglm_lite.generation import Finished, Prefill, Sampling
from autoglm_lite.gguf.facts import read_facts
from tests.chat.test_session import TEMPLATE, Scripted


@pytest.fixture(scope="module")
def template() -> Iterator[ChatTemplate]:
    made = ChatTemplate(TEMPLATE)
    yield made
    made.close()


@pytest.fixture
def setup(tmp_path: Path, stories_gguf: Path, template: ChatTemplate) -> Iterator[ChatSetup]:
    with History(tmp_path / "conversations.db") as history:
        yield ChatSetup(200, read_facts(stories_gguf), history, template, Sampling())


async def all_of(events: AsyncGenerator[ChatEvent, None]) -> list[ChatEvent]:
    return [event async for event in events]


def shown(session: Session) -> list[tuple[str, str]]:
    return [(turn.question, turn.answer) for turn in session.turns]


def reopened(setup: ChatSetup, session: Session) -> list[Turn]:
    assert session.conversation is not None
    return open_turns(setup.history, session.conversation.id)


def test_an_edit_begins_a_branch(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["A1"], ["A2"], ["B1"], ["C2"])
        session = Session(model, replace(setup, system="Be kind."))
        await all_of(session.answer("one"))
        await all_of(session.answer("two"))
        first, second = session.turns
        await all_of(session.answer("ONE", instead_of=first))
        assert shown(session) == [("ONE", "B1")]
        assert session.turns[0].version == (2, 2)
        assert model.prompts[-1] == "[system Be kind.][user ONE][assistant "
        assert reopened(setup, session) == session.turns
        await session.switch(session.turns[0], -1, "question")
        assert shown(session) == [("one", "A1"), ("two", "A2")]
        assert session.turns[0].version == (1, 2)
        # There is no version before the first one.
        await session.switch(session.turns[0], -1, "question")
        assert shown(session) == [("one", "A1"), ("two", "A2")]
        await all_of(session.answer("TWO", instead_of=second))
        assert shown(session) == [("one", "A1"), ("TWO", "C2")]
        assert model.prompts[-1] == "[system Be kind.][user one][assistant A1][user TWO][assistant "
        # Each place remembers what was open below it.
        await session.switch(session.turns[0], 1, "question")
        await session.switch(session.turns[0], -1, "question")
        assert shown(session) == [("one", "A1"), ("TWO", "C2")]
        assert [turn.version for turn in session.turns] == [(1, 2), (2, 2)]
        assert reopened(setup, session) == session.turns
        with pytest.raises(UsageError, match="open branch"):
            await session.switch(second, 1, "question")

    asyncio.run(talk())


def test_an_answer_written_again(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["A"], ["next"], ["<think>", "hm</think>", "B"])
        session = Session(model, setup)
        await all_of(session.answer("one"))
        await all_of(session.answer("two"))
        events = await all_of(session.again(session.turns[0]))
        assert [type(event) for event in events] == [Prefill, Reasoning, Answer, Finished]
        assert model.prompts[-1] == model.prompts[0] == "[user one][assistant "
        assert [(t.reasoning, t.answer, t.answer_version) for t in session.turns] == [("hm", "B", (2, 2))]
        assert reopened(setup, session) == session.turns
        await session.switch(session.turns[0], -1, "answer")
        assert shown(session) == [("one", "A"), ("two", "next")]
        assert [turn.answer_version for turn in session.turns] == [(1, 2), (1, 1)]

    asyncio.run(talk())


def test_an_answer_that_never_comes_leaves_the_branch(setup: ChatSetup) -> None:
    async def talk() -> None:
        session = Session(Scripted(["A"], ["B"], [WorkerDiedError("Killed.")], [WorkerDiedError("Killed.")]), setup)
        await all_of(session.answer("one"))
        await all_of(session.answer("two"))
        before = session.turns
        with pytest.raises(WorkerDiedError):
            await all_of(session.again(before[0]))
        assert session.turns == before == reopened(setup, session)
        with pytest.raises(WorkerDiedError):
            await all_of(session.go_on())
        assert session.turns == before == reopened(setup, session)

    asyncio.run(talk())


def test_going_on(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["Hello, ", "wor", "never"], ["ld", "!"], ["?"])
        session = Session(model, replace(setup, max_tokens=2))
        with pytest.raises(UsageError, match="ask something first"):
            await all_of(session.go_on())
        await all_of(session.answer("Hi"))
        assert session.turns[0].state == "cut off"
        events = await all_of(session.go_on())
        assert events[1:3] == [Answer("ld", 1), Answer("!", 1)]
        assert model.prompts[-1] == "[user Hi][assistant Hello, wor"
        (turn,) = session.turns
        assert (turn.answer, turn.state, turn.answer_version) == ("Hello, world!", "complete", (1, 1))
        assert reopened(setup, session) == session.turns
        await all_of(session.go_on())
        assert session.turns[0].answer == "Hello, world!?"
        assert len(setup.history.messages(session.conversation.id)) == 2  # type: ignore[union-attr]

    asyncio.run(talk())


def test_going_on_in_the_middle_of_a_thought(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["I", " think"], [" so</think>\n", "Yes"], [", <think>", " no"])
        session = Session(model, replace(setup, thinking=True, max_tokens=2))
        await all_of(session.answer("Hi"))
        assert (session.turns[0].reasoning, session.turns[0].answer) == ("I think", "")
        await all_of(session.go_on())
        assert model.prompts[-1] == "[user Hi][assistant <think>\nI think"
        assert (session.turns[0].reasoning, session.turns[0].answer) == ("I think so", "Yes")
        await all_of(session.go_on())
        assert model.prompts[-1] == "[user Hi][assistant <think>\nI think so\n</think>\n\nYes"
        assert (session.turns[0].reasoning, session.turns[0].answer) == ("I think so", "Yes, <think> no")
        assert reopened(setup, session) == session.turns

    asyncio.run(talk())


def test_going_on_without_a_template(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted([" upon"], [" a time"])
        session = Session(model, replace(setup, template=None, max_tokens=1))
        await all_of(session.answer("Once"))
        await all_of(session.go_on())
        assert model.prompts == ["Once", "Once upon"]
        assert shown(session) == [("Once", " upon a time")]

    asyncio.run(talk())


def test_an_unanswered_question_gets_its_answer(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted([WorkerDiedError("Killed.")], ["second"], ["first"], ["third"])
        session = Session(model, setup)
        with pytest.raises(WorkerDiedError):
            await all_of(session.answer("one"))
        await all_of(session.answer("two"))
        # What followed it without an answer stays as another version of the answer.
        await all_of(session.again(session.turns[0]))
        assert shown(session) == [("one", "first")]
        assert session.turns[0].answer_version == (2, 2)
        await session.switch(session.turns[0], -1, "answer")
        assert shown(session) == [("one", ""), ("two", "second")]
        assert session.turns[0].answer_version == (1, 2)
        await session.switch(session.turns[0], 1, "answer")
        assert shown(session) == [("one", "first")]
        await all_of(session.go_on())
        assert shown(session) == [("one", "firstthird")]

    asyncio.run(talk())


def test_attachments_go_with_their_question(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["ok"], ["ok"])
        session = Session(model, setup)
        await all_of(session.answer("Sum up.", [Attachment("a\nb.md", "x\n```\ny"), Attachment("空", "")]))
        asked = "a b.md:\n````\nx\n```\ny\n````\n\n空:\n```\n```\n\nSum up."
        assert model.prompts[-1] == f"[user {asked}][assistant "
        await all_of(session.answer("More."))
        assert model.prompts[-1] == f"[user {asked}][assistant ok][user More.][assistant "
        assert session.turns[0].attachments[0] == Attachment("a\nb.md", "x\n```\ny")
        assert reopened(setup, session) == session.turns

    asyncio.run(talk())


def test_other_manners_from_the_next_question_on(setup: ChatSetup) -> None:
    async def talk() -> None:
        model = Scripted(["a"], ["b"], ["c"], ["d"])
        session = Session(model, replace(setup, system="old"))
        await all_of(session.answer("q"))
        session.behave("new", Sampling(temperature=0), True)
        await all_of(session.answer("r"))
        assert model.prompts[-1] == "[system new][user q][assistant a][user r][assistant <think>"
        assert model.requests[-1].sampling == Sampling(temperature=0)
        session.behave(None, Sampling(), None)
        await all_of(session.again(session.turns[-1]))
        assert model.prompts[-1] == "[system new][user q][assistant a][user r][assistant "
        session.behave("", Sampling(), None)
        await all_of(session.again(session.turns[0]))
        assert model.prompts[-1] == "[user q][assistant "
        assert session.conversation is not None
        assert setup.history.get(session.conversation.id).system == ""

    asyncio.run(talk())


def test_a_message_of_another_conversation(setup: ChatSetup) -> None:
    history = setup.history
    one, other = history.create("m", None, "one"), history.create("m", None, "other")
    with pytest.raises(HistoryError, match="has no message"):
        history.add_question(one, "q", after=other.head)
    with pytest.raises(HistoryError, match="has no message"):
        history.add_question(one, "q", instead_of=other.head)
    with pytest.raises(HistoryError, match="has no message"):
        history.add_answer(one.id, "a", "", "m", question=other.head)
    with pytest.raises(HistoryError, match="has no message"):
        history.select(one.id, 999)
    assert len(history.messages(one.id)) == 1


STEP = st.tuples(
    st.sampled_from(["ask", "ask", "fail", "edit", "again", "go on", "switch", "delete", "reopen"]),
    st.integers(0, 7),
    st.sampled_from([-1, 1]),
    st.sampled_from(["question", "answer"]),
)


@given(st.lists(STEP, max_size=14))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sequence_keeps_the_tree(
    setup: ChatSetup, steps: list[tuple[str, int, int, Literal["question", "answer"]]]
) -> None:
    """Nothing that was said is ever lost, and what is shown is what is found again."""
    setup = replace(setup, template=None)
    failing = [WorkerDiedError("Killed.")]

    async def talk() -> None:
        said: set[str] = set()
        session = Session(Scripted(), setup)
        for n, (step, at, by, kind) in enumerate(steps):
            turn = session.turns[at % len(session.turns)] if session.turns else None
            session._model = Scripted(failing if step == "fail" else [f"a{n}"])
            before = session.turns
            if step == "ask":
                await all_of(session.answer(f"q{n}"))
                assert session.turns[:-1] == before
                said |= {f"q{n}", f"a{n}"}
            elif step == "fail":
                with pytest.raises(WorkerDiedError):
                    await all_of(session.answer(f"q{n}"))
                said.add(f"q{n}")
            elif turn is None:
                continue
            elif step == "edit":
                await all_of(session.answer(f"q{n}", instead_of=turn))
                said |= {f"q{n}", f"a{n}"}
            elif step == "again":
                await all_of(session.again(turn))
                said.add(f"a{n}")
            elif step == "go on":
                await all_of(session.go_on())
                assert session.turns[-1].answer.endswith(f"a{n}")
                said.add(f"a{n}")
            elif step == "switch":
                await session.switch(turn, by, kind)
                other = session.turns[before.index(turn)]
                old, new = (
                    (turn.version, other.version) if kind == "question" else (turn.answer_version, other.answer_version)
                )
                assert new == (min(max(old[0] + by, 1), old[1]), old[1])
                if new != old:
                    await session.switch(other, -by, kind)
                    assert session.turns == before
            elif step == "delete" and session.conversation is not None:
                setup.history.delete(session.conversation.id)
                assert setup.history.messages(session.conversation.id) == []
                setup.history.restore(session.conversation.id)
            elif step == "reopen":
                session = Session(session._model, replace(setup, conversation=session.conversation))
            assert session.conversation is not None
            messages = setup.history.messages(session.conversation.id)
            assert reopened(setup, session) == session.turns
            assert said == {piece for m in messages for piece in m.content.replace("a", " a").split()}
            roots = [m for m in messages if m.parent is None]
            by_id = {m.id: m for m in messages}
            assert all(m.role == "user" for m in roots)
            assert all(m.parent in by_id and m.parent < m.id for m in messages if m.parent is not None)
            # Every message can be reached, and is then shown.
            for message in messages:
                turns = turns_of(messages, message.id)
                assert message.id in (turns[-1].question_id, turns[-1].answer_id)

    asyncio.run(talk())
