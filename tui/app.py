"""The terminal app: conversations with a model, in a worker process or in the running service."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from autoglm_lite.chat.history import Conversation
from autoglm_lite.chat.prompt import Turn
from autoglm_lite.errors import AutoglmError, HistoryError
from tui.actions import ACTIONS, BY_ID, branching, browsing
from tui.asking import Asking
from tui.composer.attaching import attach_files, attach_paste
from tui.composer.composer import Composer
from tui.composer.prompt import Prompt
from tui.conversation.clipboard import copied
from tui.conversation.editing import Editing
from tui.conversation.findline import FindLine
from tui.conversation.view import ConversationView
from tui.conversation.welcome import Suggestion
from tui.desk import Desk
from tui.ending import hangups_to
from tui.history.drafting import Drafting
from tui.history.removed import Removed
from tui.history.title import TerminalTitle
from tui.keys import KeysLine
from tui.machine.panel import MachinePanel
from tui.machine.status import Status, StatusLine
from tui.models.getting import Getting
from tui.models.using import Using
from tui.opening import Opening
from tui.palette.keymap import bindings
from tui.palette.slash import Command, Unknown, parse
from tui.presets.presets import Presets
from tui.settings.beginning import Beginning
from tui.settings.manners import Manners
from tui.sturdy import NOTHING_SET, USUAL_MANNERS, SturdyApp
from tui.text import printable
from tui.words import CHINESE, ENGLISH, Words

if TYPE_CHECKING:
    pass

SECONDS_BETWEEN_TITLES = 2.0
"""Looks at whether the conversation has another one."""
MOST_RECALLED = 500
"""Questions of earlier conversations."""
STYLES = Path(__file__).parent / "styles"


def run_app(desk: Desk, start: Beginning) -> int:
    """Holds conversations until the user quits, and closes the model; returns the exit code.

    Raises whatever AutoglmError kept the first model from being opened.
    """
    app = asyncio.run(hold(desk, start))
    if app.refused is not None:
        raise app.refused
    return app.return_code or 0


async def hold(desk: Desk, start: Beginning) -> ChatApp:
    """Runs the app, again and again where it is to begin anew: in another language, or because it failed. What is on
    the desk stays there."""
    while True:
        manners = start.manners
        app = ChatApp(desk, CHINESE if manners.chinese else ENGLISH, start, manners)
        with hangups_to(app.quit_soon):
            await app.run_async()
        if (again := await app.left()) is None:
            return app
        start = again


class ChatApp(SturdyApp):
    """The frame: what is on the screen, how it begins and ends. What a key does is in `actions`."""

    CSS_PATH: ClassVar = sorted(STYLES.glob("*.tcss"))
    TITLE = "autoglm-lite"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, f"do('{name}')", id=name, show=False, priority=name != "stop")
        for name, keys in bindings(ACTIONS).items()
    ]

    def __init__(
        self, desk: Desk, words: Words, start: Beginning = NOTHING_SET, manners: Manners = USUAL_MANNERS
    ) -> None:
        super().__init__(words, start, manners)
        self.desk = desk
        self.opening = Opening(self)
        self.asking = Asking(self)
        self.using = Using(self)
        self.getting = Getting(self)
        self.drafting = Drafting(self)
        self.removed = Removed()
        self.terminal_title = TerminalTitle(self)
        self.interrupted = 0.0
        """When Ctrl+C was last pressed with nothing to copy or to stop."""
        self.warned = 0.0
        """When Esc was last pressed in vain, since something was being written."""
        self._home: asyncio.AbstractEventLoop | None = None
        own_keys = self.keymap.over({**browsing.KEYS, **branching.KEYS}, ACTIONS)
        self.conversation = ConversationView(
            words.conversation,
            lambda: self.turns,
            own_keys,
            self.keymap.key_of,
            lambda message: browsing.handles_of(self, message),
        )
        self.find_line = FindLine(words.conversation, self.conversation, lambda: self.turns, self.close_find)
        self.composer = Composer(self.keymap, words)
        self.prompt = self.composer.prompt
        editing = words.conversation.editing.format(key=self.keymap.key_of("stop"))
        self.editing = Editing(self.prompt, editing, self.composer.swap)
        self.presets = Presets(self)
        self.status = StatusLine(Status(words.general.opening, None), words.machine)
        self.machine = MachinePanel(
            desk, self.status, words, plain=manners.theme == "plain", low_power=manners.low_power
        )
        self.keys = KeysLine(self.keymap.actions, words)

    def compose(self) -> ComposeResult:
        yield self.conversation
        yield self.find_line
        yield self.machine
        yield self.composer
        yield self.status
        yield self.keys

    def quit_soon(self) -> None:
        """As the key to quit; may be called from a signal handler."""
        if self._home is not None:
            self._home.call_soon_threadsafe(lambda: self.run_worker(self.end()))

    async def on_mount(self) -> None:
        self._home = asyncio.get_running_loop()
        self.prompt.focus()
        self.drafting.arrive()
        self.prompt.put_back(self.beginning.draft)
        if self.turns:
            await self.conversation.resume()
        for remark in self.keymap.remarks:
            await self.conversation.say(remark, failed=True)
        self.call_after_refresh(self._start)
        self.call_after_refresh(self.begin_with, self.beginning)
        self.run_worker(self._recall())

    async def _recall(self) -> None:
        """Lets questions of earlier conversations be taken up again."""
        with suppress(HistoryError):
            self.prompt.recall_before(await asyncio.to_thread(self.desk.history.questions, MOST_RECALLED))

    def on_resize(self, event: events.Resize) -> None:
        self.machine.settle(event.size.width)

    def on_key(self, event: events.Key) -> None:
        if event.is_printable and event.character and not self.prompt.has_focus and not self.screen.is_modal:
            self.prompt.focus()
            self.prompt.insert(event.character)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # What stands before the conversation has keys of its own.
        return not (action == "do" and self.screen.is_modal) or parameters[0] in ("quit", "interrupt")

    async def action_do(self, name: str) -> None:
        """One of `actions`, by its id."""
        try:
            done = BY_ID[name].run(self)
            if done is not None:
                await done
        except AutoglmError as error:
            self.tell(str(error))

    def warn(self, sentence: str) -> None:
        """Says for some seconds what could not be done, and what to do."""
        self.tell(printable(sentence))

    @on(Prompt.Changed)
    def _keep_draft(self, event: Prompt.Changed) -> None:
        if event.text_area is self.prompt:
            self.drafting.changed()
            if not self.find_line.display:
                # What was found among all conversations is marked until one writes on.
                self.find_line.close()

    @on(Composer.Changed)
    def _keep_attached(self) -> None:
        self.drafting.changed()

    @on(Prompt.Submitted)
    async def _submit(self, event: Prompt.Submitted) -> None:
        match parse(event.text, self.keymap.actions):
            case Command(action, text) if not text or action.with_text is not None:
                self.prompt.sent()
                done = action.with_text(self, text) if text and action.with_text else action.run(self)
                if done is not None:
                    await done
            case Command(action, _):
                self.warn(self.words.palette.takes_nothing.format(word=action.word))
            case Unknown(word):
                self.warn(self.words.palette.no_such_command.format(word=word))
            case None if self.asking.is_busy:
                self.keys.remark(self.words.composer.busy.format(key=self.keymap.key_of("stop")))
            case None:
                attached = self.composer.attachments
                self.composer.sent()
                self.asking.ask(event.text, attached, instead_of=self.editing.sent())

    @on(Composer.Wanted)
    async def _run_command(self, event: Composer.Wanted) -> None:
        await self.action_do(event.action.id)

    @on(Composer.Picked)
    @on(Prompt.Dropped)
    async def _attach_chosen(self, event: Composer.Picked | Prompt.Dropped) -> None:
        await attach_files(self, event.paths)

    @on(Prompt.Flooded)
    async def _attach_paste(self, event: Prompt.Flooded) -> None:
        await attach_paste(self, event.text)

    @on(Suggestion.Chosen)
    def _choose(self, event: Suggestion.Chosen) -> None:
        self.prompt.focus()
        if not self.asking.is_busy:
            self.prompt.remember(event.question)
            self.asking.ask(event.question)

    def action_show_address(self, address: str) -> None:
        """Of a link that was clicked: nothing is opened."""
        self.keys.remark(unquote(address))

    async def copy(self, text: str, remark: str) -> None:
        """Puts `text` on the clipboard, and says `remark` and where else it can be found."""
        self.copy_to_clipboard(text)
        kept = self.desk.history.path.with_name("copied.txt")
        self.keys.remark(remark + await copied(text, kept, self.words.conversation))

    def close_find(self) -> None:
        self.find_line.close()
        self.prompt.focus()

    def action_scroll_conversation(self, direction: int) -> None:
        if direction < 0:
            self.conversation.scroll_page_up(animate=False)
        else:
            self.conversation.scroll_page_down(animate=False)

    @property
    def can_begin_anew(self) -> bool:
        return not self.asking.is_busy

    @property
    def draft(self) -> str:
        return self.prompt.text

    async def left(self) -> Beginning | None:
        """After its end: with what it is to begin anew, if it is."""
        if self.next_beginning is not None:
            await self.asking.end()
            await self.opening.end()
        return self.next_beginning

    async def end(self) -> None:
        """Stops what is going on, and quits."""
        await self.drafting.leave()
        await self.asking.end()
        await self.using.end()
        await self.getting.end()
        await self.desk.close()
        self.terminal_title.end()
        self.exit()

    async def show(self, conversation: Conversation | None) -> None:
        """Puts another conversation on the desk, None for a new one."""
        await self.asking.end()
        await self.drafting.leave()
        try:
            self.desk.begin(conversation)
        finally:
            self.drafting.arrive()
        self.terminal_title.refresh()
        self.asking.forget()
        self.editing.give_up()
        await self.conversation.clear()
        if self.turns:
            await self.conversation.resume()
        else:
            await self.opening.welcome()
        self.prompt.focus()

    @property
    def turns(self) -> list[Turn]:
        """Of the conversation that is open, shown or not."""
        return self.desk.turns

    @property
    def questions(self) -> list[str]:
        """Those that are mounted, from top to bottom."""
        return [turn.question for turn in self.conversation.turns]

    async def _start(self) -> None:
        self.set_interval(SECONDS_BETWEEN_TITLES, self.terminal_title.refresh)
        self.opening.begin()
        # What is there now stays; the collector need not look through it again.
        gc.freeze()
        if self.beginning.action:
            await self.action_do(self.beginning.action)
