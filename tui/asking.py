"""A question, from the moment that it is sent to the end of its answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from textual.worker import Worker as Background

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.chat.events import Answer, ChatEvent, Forgotten, Reasoning
from autoglm_lite.chat.session import Session
from autoglm_lite.errors import AutoglmError, WorkerDiedError
from autoglm_lite.generation import Finished, Prefill, Waiting
from tui.conversation.answer import AnswerView
from tui.conversation.turn import TurnView
from tui.history.kept import NONE, Draft
from tui.machine.speed import Speedometer
from tui.machine.status import reading_line

if TYPE_CHECKING:
    from autoglm_lite.chat.prompt import Turn
    from tui.app import ChatApp

SECONDS_BETWEEN_COUNTS = 0.5
"""Of the tokens per second and the context used, while an answer comes."""
SECONDS_TO_STOP = 2.0
"""How long the end of an answer is waited for."""
Events = Callable[[Session], AsyncGenerator[ChatEvent, None]]


class Asking:
    """One answer at a time."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._turn: Background[None] | None = None
        self._asked = False
        """Whether the running turn has come as far as the session."""
        self._answer: AnswerView | None = None
        """The last answer that was asked for."""
        self._speed = Speedometer()
        self._counted = 0.0
        """When the count of tokens was last shown."""
        self._n_used = 0
        """Tokens of the context."""
        self._sent: tuple[Draft, Sequence[Turn]] | None = None
        """The question that is being asked, and the turns before it."""

    @property
    def waiting(self) -> Draft:
        """The question that was sent and is not on disk yet: a model may take its time to load."""
        return self._sent[0] if self._sent is not None and _same(self._sent[1], self._app.turns) else NONE

    @property
    def is_busy(self) -> bool:
        """Whether a question waits for its answer or the answer is being written."""
        return self._turn is not None and not self._turn.is_finished

    @property
    def answer_text(self) -> str:
        """What came so far of the answer last asked for."""
        return "" if self._answer is None else self._answer.text

    def ask(self, question: str, attachments: Sequence[Attachment] = (), *, instead_of: TurnView | None = None) -> None:
        """Nothing may be asked already. `instead_of` a turn, which then is in another branch with all after it."""
        self._sent = (Draft(question, tuple(attachments)), list(self._app.turns))
        self._begin(self._ask(question, attachments, instead_of))

    def again(self, view: TurnView) -> None:
        """Another answer to this turn's question; nothing may be asked already."""
        self._begin(self._again(view))

    def go_on(self, view: TurnView) -> None:
        """More of the last answer; nothing may be asked already."""
        self._begin(self._go_on(view))

    async def stop(self) -> None:
        """Stops the answer; called again while it is stopping, or before the model is loaded, gives it up at once."""
        if self._turn is None or not self.is_busy:
            return
        session = self._app.desk.session
        if self._asked and session is not None:
            self._asked = False
            await session.stop()
        else:
            self._turn.cancel()

    async def end(self) -> None:
        """Stops a running answer and waits until what came is on disk."""
        turn = self._turn
        if turn is None or turn.is_finished:
            return
        await self.stop()
        waiting = asyncio.create_task(turn.wait())
        done, _ = await asyncio.wait([waiting], timeout=SECONDS_TO_STOP)
        if not done:
            turn.cancel()
            await asyncio.wait([waiting])

    def forget(self) -> None:
        """Another conversation is on the desk."""
        self._answer = None
        self._n_used = 0
        self._app.status.change(speed=None, used=None, reading=None, finished=None)

    def _begin(self, turn: Coroutine[None, None, None]) -> None:
        self._turn = self._app.run_worker(turn, group="turn")

    async def _ask(self, question: str, attachments: Sequence[Attachment], instead_of: TurnView | None) -> None:
        app = self._app
        before = app.turns
        other = None if instead_of is None else instead_of.turn
        if instead_of is not None:
            await app.conversation.cut_from(instead_of)
        elif app.conversation.n_later:
            await app.conversation.resume()
        view = await app.conversation.add_turn(question, attachments)
        note, failed = await self._hold(view, lambda session: session.answer(question, attachments, instead_of=other))
        if _same(before, app.turns):
            # It never got as far as the disk: back to the box, where it cannot be overlooked.
            await view.remove()
            if instead_of is not None:
                await app.conversation.resume()
            if failed:
                await app.conversation.say(note, failed=True)
        if note and view.answer.nothing_came:
            app.composer.put_back(question, attachments)
        self._sent = None
        await app.conversation.prune()

    async def _again(self, view: TurnView) -> None:
        app = self._app
        before, turn = app.turns, view.turn
        assert turn is not None
        await app.conversation.cut_after(view)
        picked = app.conversation.picked is view.answer
        await view.renew(AnswerView(app.words.conversation))
        app.conversation.anchor()
        if picked:
            app.conversation.pick(view.answer)
        note, failed = await self._hold(view, lambda session: session.again(turn))
        if _same(before, app.turns):
            await app.conversation.resume()
            await app.conversation.say(note, failed=failed)

    async def _go_on(self, view: TurnView) -> None:
        await view.answer.reopen()
        self._app.conversation.anchor()
        await self._hold(view, lambda session: session.go_on())

    async def _hold(self, view: TurnView, events: Events) -> tuple[str, bool]:
        """Shows an answer while it is written; returns what it ended with, and whether it failed."""
        app, words = self._app, self._app.words
        self._answer = answer = view.answer
        note, failed = "", False
        try:
            self._speed = Speedometer()
            app.status.change(speed=None, busy=True, reading=None, finished=None)
            app.keys.answer(True)
            await app.opening.until_loaded()
            session = app.desk.session
            assert session is not None
            self._asked = True
            app.status.change(activity=words.machine.waiting)
            async with aclosing(events(session)) as chat_events:
                async for event in chat_events:
                    note = await self._take(event, answer)
        except asyncio.CancelledError:
            note = words.conversation.stopped
        except AutoglmError as error:
            note, failed = str(error), True
            app.failures.note(note)
            if isinstance(error, WorkerDiedError) and answer.text:
                note = f"{words.conversation.cut_off}. {note}"
        self._asked = False
        app.status.change(activity="" if app.desk.loaded else words.machine.not_loaded, busy=False)
        app.keys.answer(False)
        await answer.finish(f"— {note}" if note else "", failed=failed)
        if app.turns:
            view.become(app.turns[-1])
        app.conversation.offer_again()
        return note, failed

    async def _take(self, event: ChatEvent, answer: AnswerView) -> str:
        """Shows one event; returns the note that the answer would end with here."""
        app, words = self._app, self._app.words.machine
        match event:
            case Forgotten():
                await app.conversation.say(app.words.conversation.forgotten, before=app.conversation.turns[-1])
            case Waiting(ahead=ahead):
                app.status.change(activity=words.queued.format(ahead=ahead))
            case Prefill():
                self._n_used = event.total
                app.status.change(activity=reading_line(event, words), used=event.total, reading=event)
            case Reasoning(text=text):
                answer.reason(text, event.n_tokens)
                self._count(event.n_tokens)
            case Answer(text=text):
                answer.feed(text)
                self._count(event.n_tokens)
            case Finished():
                return self._finished(event)
        return ""

    def _count(self, n_tokens: int) -> None:
        now = time.monotonic()
        self._speed.count(n_tokens, now)
        self._n_used += n_tokens
        if now - self._counted >= SECONDS_BETWEEN_COUNTS:
            self._counted = now
            status, words = self._app.status, self._app.words.machine
            status.change(activity=words.writing, speed=self._speed.speed(), used=self._n_used)

    def _finished(self, event: Finished) -> str:
        if event.prompt_tokens:
            # The last token of a full context is sampled but has no place of its own any more.
            n_ctx = self._app.desk.n_ctx
            used = event.prompt_tokens + event.completion_tokens
            self._n_used = used if n_ctx is None else min(used, n_ctx)
        speed = event.decode_tokens_per_second if event.completion_tokens > 1 else None
        self._app.status.change(speed=speed, used=self._n_used or None, finished=event)
        words = self._app.words.conversation
        notes = {"cancelled": words.stopped, "length": words.cut_length, "context": words.cut_context}
        return notes.get(event.reason, "")


def _same(before: Sequence[object], now: Sequence[object]) -> bool:
    """Whether nothing of a question or answer was kept."""
    return len(before) == len(now) and list(before) == list(now)
