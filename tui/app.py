"""The terminal app: a conversation with one model, in a worker process or in the running service."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.worker import Worker as Background

from autoglm_lite.chat.backend import Backend
from autoglm_lite.chat.events import Answer, ChatEvent, Forgotten, Reasoning
from autoglm_lite.chat.session import Session
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.errors import AutoglmError, UsageError, WorkerDiedError
from autoglm_lite.generation import Finished, Prefill, Waiting
from autoglm_lite.store import is_starter
from autoglm_lite.worker.pace import Loading
from autoglm_lite.worker.watch import Notice
from tui.answer import AnswerView
from tui.conversation import ConversationView, Earlier
from tui.ending import hangups_to
from tui.keys import KeysLine
from tui.notices import effort_remark, freed_line
from tui.prompt import Prompt
from tui.speed import Speedometer
from tui.status import Status, StatusLine, loading_line, read_memory, reading_line
from tui.text import printable
from tui.welcome import Suggestion, Welcome
from tui.words import Words, words_of

SECONDS_BETWEEN_SAMPLES = 2.0
SECONDS_BETWEEN_COUNTS = 0.5
"""Of the tokens per second and the context used, while an answer comes."""
SECONDS_TO_STOP = 2.0
"""How long the end of an answer is waited for when the app ends."""
SECONDS_FOR_SECOND_PRESS = 2.0


def run_app(setup: ChatSetup, model: Backend) -> int:
    """Holds conversations with `model` until the user quits, and closes it; returns the exit code.

    Raises UsageError where Textual could not draw: it does so on stderr.
    """
    if sys.__stderr__ is None or not sys.__stderr__.isatty():
        raise UsageError('The terminal app draws on stderr: do not redirect it, or ask in the shell with -p "...".')
    app = ChatApp(setup, model, words_of(os.environ))
    with hangups_to(app.quit_soon):
        app.run()
    return app.return_code or 0


class ChatApp(App[None]):
    CSS_PATH = Path(__file__).parent / "styles.tcss"
    TITLE = "autoglm-lite"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", show=False),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
        Binding("ctrl+n", "new_conversation", show=False, priority=True),
        Binding("ctrl+y", "copy_answer", show=False, priority=True),
        Binding("ctrl+t", "toggle_thoughts", show=False, priority=True),
        Binding("ctrl+l", "show_earlier", show=False, priority=True),
        Binding("ctrl+home", "scroll_to_end(-1)", show=False, priority=True),
        Binding("ctrl+end", "scroll_to_end(1)", show=False, priority=True),
    ]

    def __init__(self, setup: ChatSetup, model: Backend, words: Words) -> None:
        super().__init__()
        self._setup = setup
        self._words = words
        self._model = model
        self._session = Session(model, setup)
        self._home: asyncio.AbstractEventLoop | None = None
        self._loading: asyncio.Task[None] | None = None
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
        self._interrupted = 0.0
        self._conversation = ConversationView(words)
        self._prompt = Prompt(words.placeholder, (turn.question for turn in self._session.turns))
        self._status = StatusLine(Status(self._model_name, setup.n_ctx), words)
        self._keys = KeysLine(
            (
                ("Enter", words.key_send, "send"),
                ("Esc", words.key_stop, "stop"),
                ("Ctrl+Q", words.key_quit, "quit"),
                ("Ctrl+N", words.key_new, "new_conversation"),
                ("Ctrl+J", words.key_newline, "newline"),
                ("Ctrl+Y", words.key_copy, "copy_answer"),
                ("Ctrl+T", words.key_thoughts, "toggle_thoughts"),
            )
        )

    def compose(self) -> ComposeResult:
        yield self._conversation
        with Vertical(id="writing"):
            yield self._prompt
        yield self._status
        yield self._keys

    def quit_soon(self) -> None:
        """As Ctrl+Q; may be called from a signal handler."""
        if self._home is not None:
            self._home.call_soon_threadsafe(lambda: self.run_worker(self.action_quit()))

    async def on_mount(self) -> None:
        self._home = asyncio.get_running_loop()
        self._prompt.focus()
        if self._session.turns:
            await self._conversation.resume(self._session.turns)
        else:
            await self._welcome()
        self.call_after_refresh(self._start)

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character and not self._prompt.has_focus:
            self._prompt.focus()
            self._prompt.insert(event.character)

    @on(Prompt.Submitted)
    def _submit(self, event: Prompt.Submitted) -> None:
        if self.is_busy:
            self._keys.remark(self._words.busy)
            return
        self._prompt.sent()
        self._ask(event.text)

    @on(Suggestion.Chosen)
    def _choose(self, event: Suggestion.Chosen) -> None:
        self._prompt.focus()
        if not self.is_busy:
            self._prompt.remember(event.question)
            self._ask(event.question)

    async def action_send(self) -> None:
        if self._prompt.text.strip():
            self._prompt.post_message(Prompt.Submitted(self._prompt.text))

    def action_newline(self) -> None:
        self._prompt.action_newline()

    async def action_stop(self) -> None:
        """Stops the answer; pressed again while it is stopping, or before the model is loaded, gives it up at once."""
        if self._turn is None or not self.is_busy:
            return
        if self._asked:
            self._asked = False
            await self._session.stop()
        else:
            self._turn.cancel()

    async def action_interrupt(self) -> None:
        """Ctrl+C: copies what is selected, else stops the answer, else quits when pressed twice."""
        selected = self.screen.get_selected_text() or self._prompt.selected_text
        if selected:
            self.copy_to_clipboard(selected)
            self._keys.remark(self._words.copied)
        elif self.is_busy:
            await self.action_stop()
        elif time.monotonic() - self._interrupted < SECONDS_FOR_SECOND_PRESS:
            await self.action_quit()
        else:
            self._interrupted = time.monotonic()
            self._keys.remark(self._words.quit_again)

    async def action_quit(self) -> None:
        await self._end_turn()
        await self._model.close()
        self.exit()

    async def action_new_conversation(self) -> None:
        await self._end_turn()
        self._session = Session(self._model, replace(self._setup, conversation=None))
        self._answer = None
        await self._conversation.clear()
        await self._welcome()
        self._n_used = 0
        self._status.change(speed=None, used=None)
        self._prompt.focus()

    def action_copy_answer(self) -> None:
        turns = [turn for turn in self._session.turns if turn.answer]
        text = self.answer_text or (turns[-1].answer if turns else "")
        if text:
            self.copy_to_clipboard(text)
        self._keys.remark(self._words.copied if text else self._words.nothing_to_copy)

    def action_toggle_thoughts(self) -> None:
        for turn in reversed(self._conversation.turns):
            if turn.answer.toggle_thoughts():
                return

    async def action_show_earlier(self) -> None:
        await self._conversation.show_earlier(self._session.turns[: self._n_hidden])

    @on(Earlier.Wanted)
    async def _show_earlier(self) -> None:
        await self.action_show_earlier()

    def action_scroll_conversation(self, direction: int) -> None:
        if direction < 0:
            self._conversation.scroll_page_up(animate=False)
        else:
            self._conversation.scroll_page_down(animate=False)

    def action_scroll_to_end(self, direction: int) -> None:
        if direction < 0:
            self._conversation.scroll_home(animate=False)
        else:
            self._conversation.anchor()

    @property
    def is_busy(self) -> bool:
        """Whether a question waits for its answer or the answer is being written."""
        return self._turn is not None and not self._turn.is_finished

    @property
    def answer_text(self) -> str:
        """What came so far of the answer last asked for."""
        return "" if self._answer is None else self._answer.text

    @property
    def questions(self) -> list[str]:
        """Those that are mounted, from top to bottom."""
        return [turn.question for turn in self._conversation.turns]

    @property
    def worker_pid(self) -> int | None:
        return self._model.pid

    @property
    def _model_name(self) -> str:
        name = printable(self._setup.facts.name)
        return self._words.by_service.format(model=name) if self._model.place == "service" else name

    @property
    def _n_hidden(self) -> int:
        """The turns of the session that are not mounted."""
        return max(0, len(self._session.turns) - len(self._conversation.turns))

    async def _welcome(self) -> None:
        words, setup = self._words, self._setup
        starter, place = is_starter(setup.facts.path), self._model.place
        sentences = [words.starter] if starter else []
        if not starter or place == "service":
            sentences.append({"here": words.ready, "shared": words.ready_shared, "service": words.ready_service}[place])
        sentences += [printable(notice) for notice in setup.notices if not (starter and "starter" in notice)]
        welcome = Welcome(printable(setup.facts.name), sentences, words.suggestions if starter else (), words)
        await self._conversation.show_welcome(welcome)

    async def _start(self) -> None:
        self.set_interval(SECONDS_BETWEEN_SAMPLES, self._sample)
        self.run_worker(self._sample())
        self.run_worker(self._load_first())
        self.run_worker(self._model.watch(self._tell))

    async def _load_first(self) -> None:
        try:
            await self._until_loaded()
        except AutoglmError as error:
            if not self.is_busy:
                await self._conversation.say(str(error), failed=True)

    async def _until_loaded(self) -> None:
        """Returns once the model is in memory; loads it if it never was or if its process has died."""
        if self._loading is None or (self._loading.done() and not self._model.loaded):
            self._loading = asyncio.create_task(self._load())
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        told: list[str] = []
        loading = Loading(self._setup.facts.file_bytes)

        def progress(share: float) -> None:
            self._status.change(activity=loading_line(loading.pace(share), self._words))

        progress(0)
        try:
            await self._model.load(progress, told.append)
        except BaseException:
            self._status.change(activity=self._words.not_loaded)
            raise
        n_ctx = self._model.n_ctx
        self._setup = replace(self._setup, n_ctx=n_ctx)
        self._session.use(n_ctx)
        self._status.change(model=self._model_name, activity="", n_ctx=n_ctx)
        for notice in told:
            await self._conversation.say(printable(notice))
        await self._sample()

    async def _sample(self) -> None:
        self._status.change(memory=await asyncio.to_thread(read_memory, self._model.pid))
        if not self._model.loaded and self._loading is not None and self._loading.done():
            self._status.change(activity=self._words.not_loaded)

    async def _tell(self, notice: Notice) -> None:
        """What the watch has done for other programs: freed memory is said in the conversation, to be found there after
        a pause, the rest for a moment."""
        if (line := freed_line(notice, self._words)) is None:
            self._keys.remark(effort_remark(notice, self._words))
        else:
            await self._conversation.say(line)
            await self._sample()

    def _ask(self, question: str) -> None:
        self._turn = self.run_worker(self._hold_turn(question), group="turn")

    async def _hold_turn(self, question: str) -> None:
        """One question from the moment it is sent to the end of its answer."""
        session, words = self._session, self._words
        n_before = len(session.turns)
        view = await self._conversation.add_turn(question)
        self._answer = answer = view.answer
        note, failed = "", False
        try:
            self._speed = Speedometer()
            self._status.change(speed=None)
            await self._until_loaded()
            self._asked = True
            self._status.change(activity=words.waiting)
            async with aclosing(session.answer(question)) as chat_events:
                async for event in chat_events:
                    note = await self._take(event, answer)
        except asyncio.CancelledError:
            note = words.stopped
        except AutoglmError as error:
            note, failed = str(error), True
            if isinstance(error, WorkerDiedError) and answer.text:
                note = f"{words.cut_off}. {note}"
        self._asked = False
        self._status.change(activity="" if self._model.loaded else words.not_loaded)
        await answer.finish(f"— {note}" if note else "", failed=failed)
        if len(session.turns) == n_before:
            # It never got as far as the disk: back to the box, where it cannot be overlooked.
            await view.remove()
            if failed:
                await self._conversation.say(note, failed=True)
        if note and answer.nothing_came:
            self._prompt.put_back(question)
        await self._conversation.prune()
        self._conversation.count_earlier(self._n_hidden)

    async def _take(self, event: ChatEvent, answer: AnswerView) -> str:
        """Shows one event; returns the note that the answer would end with here."""
        words = self._words
        match event:
            case Forgotten():
                await self._conversation.say(words.forgotten, before=self._conversation.turns[-1])
            case Waiting(ahead=ahead):
                self._status.change(activity=words.queued.format(ahead=ahead))
            case Prefill():
                self._n_used = event.total
                self._status.change(activity=reading_line(event, words), used=event.total)
            case Reasoning(text=text) | Answer(text=text):
                (answer.feed if isinstance(event, Answer) else answer.reason)(text)
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
            self._status.change(activity=self._words.writing, speed=self._speed.speed(), used=self._n_used)

    def _finished(self, event: Finished) -> str:
        if event.prompt_tokens:
            # The last token of a full context is sampled but has no place of its own any more.
            self._n_used = min(event.prompt_tokens + event.completion_tokens, self._setup.n_ctx)
        speed = event.decode_tokens_per_second if event.completion_tokens > 1 else None
        self._status.change(speed=speed, used=self._n_used or None)
        words = self._words
        notes = {"cancelled": words.stopped, "length": words.cut_length, "context": words.cut_context}
        return notes.get(event.reason, "")

    async def _end_turn(self) -> None:
        """Stops a running answer and waits until what came is on disk."""
        turn = self._turn
        if turn is None or turn.is_finished:
            return
        await self.action_stop()
        waiting = asyncio.create_task(turn.wait())
        done, _ = await asyncio.wait([waiting], timeout=SECONDS_TO_STOP)
        if not done:
            turn.cancel()
            await asyncio.wait([waiting])
