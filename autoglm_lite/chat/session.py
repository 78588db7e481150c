"""One conversation with one model: a question in, events out, everything kept on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.branches import Kind, open_turns, turns_of, versions
from autoglm_lite.chat.events import Answer, CallEvent, ChatEvent, Forgotten, Generates, Reasoning
from autoglm_lite.chat.fitting import fit
from autoglm_lite.chat.history import Conversation, State
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.chat.recorder import Recorder
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.chat.stream import stream_answer
from autoglm_lite.errors import HistoryError, UsageError
from autoglm_lite.generation import Finished, FinishReason, GenerateRequest, Sampling

STATES: dict[FinishReason, State] = {
    "stop": "complete",
    "cancelled": "stopped",
    "length": "cut off",
    "context": "cut off",
}


class Session:
    """A conversation as it goes on. Belongs to one event loop; one answer at a time.

    `answer`, `again` and `go_on` give Forgotten?, Waiting*, Prefill*, Reasoning*, Answer*, one Finished. A question is
    on disk before the model is asked. Each piece of the answer outlives this process before it is given out, and all
    of it is flushed to the disk about once a second. Closing the generator, or cancelling its task, stops the model
    and keeps what came. They raise HistoryError, TemplateError, PromptTooLongError or WorkerDiedError; what came until
    then is kept.
    """

    def __init__(self, model: Generates, setup: ChatSetup) -> None:
        self._model = model
        self._setup = setup
        self._n_forgotten = 0
        """Of the answered turns, the oldest, which the prompt leaves out."""
        self._stopping = False
        self._asked: GenerateRequest | None = None
        """What the model was asked last."""
        self.conversation: Conversation | None = setup.conversation
        """None until the first question of a new one."""
        self.turns: list[Turn] = []
        """What was asked and answered in the open branch; the last one grows only once its answer has ended."""
        if setup.conversation is not None:
            self.turns = open_turns(setup.history, setup.conversation.id)

    async def answer(
        self, question: str, attachments: Sequence[Attachment] = (), *, instead_of: Turn | None = None
    ) -> AsyncGenerator[ChatEvent, None]:
        """Asks; `instead_of` a turn, the question is a new version of that turn's, and begins a branch there."""
        self._stopping = False
        earlier = self.turns if instead_of is None else self._before(instead_of)
        # Lone surrogates, which are no characters, would go neither to the disk nor to the model.
        attached = tuple(Attachment(_whole(one.name), _whole(one.text)) for one in attachments)
        turn = await asyncio.to_thread(self._record_question, _whole(question), attached, earlier, instead_of)
        self.turns = [*earlier, turn]
        async with aclosing(self._write(earlier, turn, self.turns)) as events:
            async for event in events:
                yield event

    async def again(self, turn: Turn) -> AsyncGenerator[ChatEvent, None]:
        """Another answer to that turn's question, in a branch of its own; where none comes, all stays as it was."""
        self._stopping = False
        before, earlier = self.turns, self._before(turn)
        n_answers = len(await asyncio.to_thread(self._versions, turn, "answer"))
        await asyncio.to_thread(self._hold)
        fresh = Turn(
            turn.question,
            attachments=turn.attachments,
            question_id=turn.question_id,
            version=turn.version,
            answer_version=(n_answers + 1, n_answers + 1),
        )
        self.turns = [*earlier, fresh]
        async with aclosing(self._write(earlier, fresh, before)) as events:
            async for event in events:
                yield event

    async def go_on(self) -> AsyncGenerator[ChatEvent, None]:
        """Goes on with the last answer where it ended; what comes is joined to it. A question without an answer gets
        one. Raises UsageError where nothing was asked."""
        if not self.turns:
            raise UsageError("There is no answer to go on with yet: ask something first.")
        last = self.turns[-1]
        if last.answer_id is None:
            events = self.again(last)
        else:
            self._stopping = False
            events = self._write(self.turns[:-1], last, self.turns)
        async with aclosing(events):
            async for event in events:
                yield event

    async def switch(self, turn: Turn, by: int, kind: Kind) -> None:
        """Opens the branch of another version of the turn's question or answer: `by` -1 the one before, 1 the next
        one; where there is none, all stays as it is. Raises HistoryError."""
        self._place(turn)
        places = await asyncio.to_thread(self._versions, turn, kind)
        own = turn.question_id if kind == "question" else turn.answer_id
        at = (
            places.index(own) if own in places else (turn.version if kind == "question" else turn.answer_version)[0] - 1
        )
        if 0 <= at + by < len(places):
            self.turns = await asyncio.to_thread(self._open_branch, places[at + by])
            self._n_forgotten = 0

    def use(self, n_ctx: int) -> None:
        """Another length of the context, when the model was loaded with another than expected."""
        self._setup = replace(self._setup, n_ctx=n_ctx)

    def behave(self, system: str | None, sampling: Sampling, thinking: bool | None) -> None:
        """From the next question on. A `system` of None leaves the conversation its own, an empty one takes it away."""
        self._setup = replace(self._setup, system=system, sampling=sampling, thinking=thinking)

    async def stop(self) -> None:
        """The answer being written ends soon, with Finished(reason="cancelled")."""
        self._stopping = True
        if self._asked is not None:
            await self._model.cancel(self._asked)

    async def _write(
        self, earlier: Sequence[Turn], turn: Turn, otherwise: list[Turn]
    ) -> AsyncGenerator[ChatEvent, None]:
        """The answer of `turn`, which may have begun; where nothing comes, the turns are `otherwise` again."""
        setup, conversation = self._setup, self.conversation
        assert conversation is not None
        recorder = Recorder(setup.history, conversation.id, setup.facts.name, turn)
        try:
            system = conversation.system if setup.system is None else setup.system
            fitted = await fit(self._model, setup, system, earlier, turn, self._n_forgotten)
            n_more, self._n_forgotten = fitted.n_forgotten - self._n_forgotten, fitted.n_forgotten
            if n_more > 0:
                yield Forgotten(n_more)
            if self._stopping:
                yield Finished("cancelled", 0, 0, 0, 0.0, 0.0)
                return
            request = GenerateRequest(
                fitted.prompt,
                templated=setup.template is not None,
                sampling=setup.sampling,
                max_tokens=setup.max_tokens,
                thinking_tokens=setup.thinking_tokens,
            )
            self._asked = request
            async with aclosing(stream_answer(self._model, request, begun=fitted.begun)) as events:
                async for event in events:
                    if isinstance(event, Answer | Reasoning):
                        recorder.add("answer" if isinstance(event, Answer) else "reasoning", event.text)
                    elif isinstance(event, Finished):
                        await recorder.finish(STATES[event.reason])
                        self.turns = [*earlier, recorder.turn()]
                    if not isinstance(event, CallEvent):
                        yield event
        except BaseException as error:
            by_user = isinstance(error, asyncio.CancelledError | GeneratorExit)
            with suppress(HistoryError):
                recorder.finish_now("stopped" if by_user else "cut off")
            raise
        finally:
            recorder.leave()
            done = recorder.turn()
            self.turns = [*earlier, done] if recorder.came or done.answer_id != turn.answer_id else otherwise

    def _before(self, turn: Turn) -> list[Turn]:
        """The turns before this one, which is asked again. Raises UsageError where the open branch does not hold it."""
        at = self._place(turn)
        if at < len(self.turns) - 1:
            # So much shorter a conversation may have room again for what was left out.
            self._n_forgotten = 0
        return self.turns[:at]

    def _place(self, turn: Turn) -> int:
        at = next((n for n, one in enumerate(self.turns) if one.question_id == turn.question_id), None)
        if at is None:
            raise UsageError("That question is not in the open branch: choose one that is shown.")
        return at

    def _record_question(
        self, question: str, attachments: Sequence[Attachment], earlier: Sequence[Turn], instead_of: Turn | None
    ) -> Turn:
        setup, now = self._setup, self._carried()
        history = setup.history
        if now is None:
            model = str(setup.facts.path.absolute())
            made = history.create(model, setup.system, question, attachments)
            question_id = made.head
        else:
            question_id = history.add_question(
                now,
                question,
                attachments,
                after=(earlier[-1].answer_id or earlier[-1].question_id) if earlier else None,
                instead_of=None if instead_of is None else instead_of.question_id,
            )
            made = history.get(now.id)
        self.conversation = made
        return turns_of(history.messages(made.id), question_id)[-1]

    def _carried(self) -> Conversation | None:
        """The conversation with the model and the system prompt that it is held with now."""
        setup, now = self._setup, self.conversation
        if now is None:
            return None
        system = now.system if setup.system is None else setup.system
        return replace(now, model=str(setup.facts.path.absolute()), system=system)

    def _hold(self) -> None:
        if (now := self._carried()) is not None:
            self._setup.history.hold(now)
            self.conversation = now

    def _versions(self, turn: Turn, kind: Kind) -> list[int]:
        assert self.conversation is not None
        return versions(self._setup.history.messages(self.conversation.id), turn, kind)

    def _open_branch(self, message_id: int) -> list[Turn]:
        assert self.conversation is not None
        self._setup.history.select(self.conversation.id, message_id)
        return open_turns(self._setup.history, self.conversation.id)


def _whole(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
