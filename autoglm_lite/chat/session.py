"""One conversation with one model: a question in, events out, everything kept on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace

from autoglm_lite.chat.events import Answer, CallEvent, ChatEvent, Forgotten, Generates, Reasoning
from autoglm_lite.chat.history import Conversation, State
from autoglm_lite.chat.prompt import Turn, turns_of, write_prompt
from autoglm_lite.chat.recorder import Recorder
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.chat.stream import stream_answer
from autoglm_lite.errors import HistoryError, PromptTooLongError
from autoglm_lite.generation import Finished, FinishReason, GenerateRequest

STATES: dict[FinishReason, State] = {
    "stop": "complete",
    "cancelled": "stopped",
    "length": "cut off",
    "context": "cut off",
}


class Session:
    """A conversation as it goes on. Belongs to one event loop; one answer at a time."""

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
        """What was asked and answered; the last one grows only once its answer has ended."""
        if setup.conversation is not None:
            self.turns = turns_of(setup.history.messages(setup.conversation.id))

    async def answer(self, question: str) -> AsyncGenerator[ChatEvent, None]:
        """Forgotten?, Waiting*, Prefill*, Reasoning*, Answer*, one Finished.

        The question is on disk before the model is asked, and the answer as it grows, about once a second. Closing
        the generator, or cancelling its task, stops the model and keeps what came.
        Raises HistoryError, TemplateError, PromptTooLongError or WorkerDiedError; what came until then is kept.
        """
        self._stopping = False
        # Lone surrogates, which are no characters, would go neither to the disk nor to the model.
        question = question.encode("utf-8", "replace").decode()
        conversation = await asyncio.to_thread(self._record_question, question)
        earlier, self.turns = self.turns, [*self.turns, Turn(question)]
        prompt, n_forgotten = await self._prompt(conversation.system, earlier, question)
        if n_forgotten:
            yield Forgotten(n_forgotten)
        if self._stopping:
            yield Finished("cancelled", 0, 0, 0, 0.0, 0.0)
            return
        recorder = Recorder(self._setup.history, conversation.id, self._setup.facts.name)
        setup = self._setup
        request = GenerateRequest(
            prompt,
            templated=setup.template is not None,
            sampling=setup.sampling,
            max_tokens=setup.max_tokens,
            thinking_tokens=setup.thinking_tokens,
        )
        self._asked = request
        events = stream_answer(self._model, request)
        try:
            async with aclosing(events):
                async for event in events:
                    if isinstance(event, Answer | Reasoning):
                        recorder.add("answer" if isinstance(event, Answer) else "reasoning", event.text)
                    elif isinstance(event, Finished):
                        await recorder.finish(STATES[event.reason])
                        self.turns = [*earlier, recorder.turn(question)]
                    if not isinstance(event, CallEvent):
                        yield event
        except BaseException as error:
            by_user = isinstance(error, asyncio.CancelledError | GeneratorExit)
            with suppress(HistoryError):
                recorder.finish_now("stopped" if by_user else "cut off")
            raise
        finally:
            self.turns = [*earlier, recorder.turn(question)]

    def use(self, n_ctx: int) -> None:
        """Another length of the context, when the model was loaded with another than expected."""
        self._setup = replace(self._setup, n_ctx=n_ctx)

    async def stop(self) -> None:
        """The answer being written ends soon, with Finished(reason="cancelled")."""
        self._stopping = True
        if self._asked is not None:
            await self._model.cancel(self._asked)

    def _record_question(self, question: str) -> Conversation:
        setup, now = self._setup, self.conversation
        model = str(setup.facts.path.absolute())
        if now is None:
            now = setup.history.create(model, setup.system, question)
        else:
            now = replace(now, model=model, system=now.system if setup.system is None else setup.system)
            setup.history.add_question(now, question)
        self.conversation = now
        return now

    async def _prompt(self, system: str | None, earlier: list[Turn], question: str) -> tuple[str, int]:
        """The text to continue, and how many more turns than before had to be left out of it."""
        setup = self._setup
        n_ctx, template = setup.n_ctx, setup.template
        # An unanswered question would make two of the user's messages follow each other, which templates refuse.
        answered = [] if template is None else [turn for turn in earlier if turn.answer]

        async def attempt(n_left_out: int) -> tuple[str, int]:
            prompt = question
            if template is not None:
                turns = answered[n_left_out:]
                prompt = await asyncio.to_thread(write_prompt, template, system, turns, question, setup.thinking)
            return prompt, len(await self._model.tokenize(prompt, templated=template is not None))

        before = self._n_forgotten
        prompt, n_tokens = await attempt(before)
        if n_tokens + self._room() > n_ctx and before < len(answered):
            # Half of the context is freed at once: leaving out one turn each time would make the model read nearly
            # all of the rest again for every question, since its cache holds for a common beginning only.
            low, high = before + 1, len(answered)
            while low < high:
                middle = (low + high) // 2
                if (await attempt(middle))[1] <= n_ctx // 2:
                    high = middle
                else:
                    low = middle + 1
            self._n_forgotten = low
            prompt, n_tokens = await attempt(low)
        if n_tokens >= n_ctx:
            longer = ", or give a larger --ctx" if n_ctx < setup.facts.n_ctx_train else ""
            raise PromptTooLongError(
                f"The prompt has {n_tokens} tokens but the context holds {n_ctx}: shorten it{longer}."
            )
        return prompt, self._n_forgotten - before

    def _room(self) -> int:
        """Tokens to keep free for the answer."""
        quarter = self._setup.n_ctx // 4
        return quarter if self._setup.max_tokens is None else min(quarter, self._setup.max_tokens)
