"""All conversations on one screen: look through, find, open, rename, delete, export."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.geometry import Offset
from textual.screen import ModalScreen
from textual.widgets import Input
from textual.worker import Worker

from autoglm_lite.chat.history.words import chunks_of, folded
from autoglm_lite.errors import AutoglmError
from tui.history.foot import KeysFoot
from tui.history.listing import Listing
from tui.history.row import Row, one_line, shortened

if TYPE_CHECKING:
    from autoglm_lite.chat.history import Conversation, Hit
    from tui.app import ChatApp

SECONDS_OF_SILENCE = 0.15
"""After the last key, before messages are searched."""
MOST_HITS = 200
TITLE_CELLS_SAID = 30
Chosen = Row | Literal["new"] | None


class HistoryScreen(ModalScreen[Chosen]):
    """Ends with the row to open, "new" for a new conversation, or None."""

    # All before the boxes and the list see the key: what is typed quickly is then done in its order.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(keys, action, show=False, priority=True)
        for keys, action in (
            ("escape", "back"),
            ("enter", "open"),
            ("up", "move(-1)"),
            ("down", "move(1)"),
            ("pageup", "page(-1)"),
            ("pagedown", "page(1)"),
            ("tab,shift+tab", "other"),
            ("f2", "rename"),
            ("k", "of_list('move', -1)"),
            ("j", "of_list('move', 1)"),
            ("home,g", "of_list('ends', 0)"),
            ("end,G", "of_list('ends', 1)"),
            ("slash", "of_list('search')"),
            ("r", "of_list('rename')"),
            ("d,delete", "of_list('delete')"),
            ("u", "of_list('undo')"),
            ("e", "of_list('export')"),
            ("n", "of_list('new')"),
        )
    ]

    def __init__(self, chat: ChatApp, latest: list[Conversation]) -> None:
        """`latest` are shown at once, all a moment later."""
        super().__init__()
        self.chat = chat
        self.words = chat.words.history
        self._talks = latest
        self._sizes: dict[str, int] = {}
        """How many messages each has."""
        self._reading: asyncio.Task[None] | None = None
        self._folded: dict[str, str] = {}
        """Titles, as they are compared."""
        self._hits: list[Hit] = []
        self._search: asyncio.Task[list[Hit] | AutoglmError] | None = None
        self._finding: Worker[None] | None = None
        self._found: str | None = ""
        """The text that the rows are for; None while it is being searched."""
        self._renamed: Conversation | None = None
        self._query = Input(placeholder=self.words.search, id="query")
        self._listing = Listing(self.words)
        self._name_box = Input(id="rename", compact=True, select_on_focus=False)
        self._foot = KeysFoot()

    def compose(self) -> ComposeResult:
        with Vertical(id="frame"):
            yield self._query
            yield self._listing
            yield self._foot
        yield self._name_box

    def on_mount(self) -> None:
        self.set_focus(self._query)
        self._fill()
        self._reading = asyncio.create_task(self._read_all())

    def on_unmount(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    def on_resize(self, _: events.Resize) -> None:
        self._end_rename()

    def on_descendant_focus(self) -> None:
        if self.focused is not self._name_box:
            self._end_rename()
        self._offer()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        # Elsewhere these keys are letters.
        return action != "of_list" or self.focused is self._listing

    async def action_of_list(self, action: str, *values: int) -> None:
        """An action whose key is only one while the list has the focus."""
        done = getattr(self, f"action_{action}")(*values)
        if done is not None:
            await done

    def action_back(self) -> None:
        if self._renamed is None:
            self.dismiss(None)
        else:
            self._end_rename()

    async def action_open(self) -> None:
        await self._until_found()
        if self._renamed is not None:
            await self._rename()
        elif (row := self._listing.selected) is not None:
            self.dismiss(row)

    async def action_move(self, by: int) -> None:
        await self._until_found()
        self._to_list()
        self._listing.move(by)

    async def action_page(self, by: int) -> None:
        await self.action_move(by * self._listing.rows_on_a_page)

    def action_ends(self, end: int) -> None:
        self._listing.choose(end * len(self._listing.rows))

    def action_search(self) -> None:
        self.set_focus(self._query)

    async def action_other(self) -> None:
        """From the box to the list, and back."""
        await self._until_found()
        self.set_focus(self._listing if self.focused is self._query else self._query)

    def action_new(self) -> None:
        self.dismiss("new")

    def action_rename(self) -> None:
        row = self._listing.selected
        if row is None:
            return
        self._listing.move(0)
        self._renamed = row.conversation
        region = self._listing.region_of_chosen
        self._name_box.value = row.conversation.title
        self._name_box.styles.width = region.width - 2
        self._name_box.absolute_offset = region.offset + Offset(2, 0)
        self._name_box.display = True
        self.set_focus(self._name_box)

    async def action_delete(self) -> None:
        row = self._listing.selected
        if row is None:
            return
        talk = row.conversation
        await self._until_read()
        if await self._tried(self.chat.removed.remove(self.chat, talk)):
            self._talks = [other for other in self._talks if other.id != talk.id]
            self._hits = [hit for hit in self._hits if hit.conversation.id != talk.id]
            self._fill(self._listing.place)
            self._foot.say(self.words.deleted.format(title=self._short(talk)))

    async def action_undo(self) -> None:
        back: list[Conversation | None] = []

        async def restore() -> None:
            back.append(await self.chat.removed.restore(self.chat))

        await self._until_read()
        if not await self._tried(restore()):
            return
        if (talk := back[0]) is None:
            self._foot.say(self.words.nothing_to_undo)
            return
        self._talks = sorted([*self._talks, talk], key=lambda one: one.updated, reverse=True)
        self._fill()
        self._select(talk)
        self._foot.say(self.words.restored.format(title=self._short(talk)))
        self._find()

    def action_export(self) -> None:
        if (row := self._listing.selected) is not None:
            from tui.history.export import export_dialog

            export_dialog(self.chat, row.conversation, self._foot.say)

    @on(Listing.Chosen)
    async def _click(self) -> None:
        await self.action_open()

    @on(Input.Changed, "#query")
    def _type(self) -> None:
        if self._query.value.strip() == self._found:
            return
        self._hits = []
        self._found = None
        self._foot.say("")
        self._fill()
        self._find()

    async def _rename(self) -> None:
        talk, title = self._renamed, one_line(self._name_box.value).strip()
        if talk is None:
            return
        if not title:
            self._foot.say(self.words.empty_title)
            return
        self._end_rename()
        await self._until_read()
        place = self._listing.place
        if title == talk.title or not await self._tried(
            asyncio.to_thread(self.chat.desk.history.rename, talk.id, title)
        ):
            return
        renamed = replace(talk, title=title)
        self._talks = [renamed if other.id == talk.id else other for other in self._talks]
        self._hits = [
            replace(hit, conversation=renamed) if hit.conversation.id == talk.id else hit for hit in self._hits
        ]
        self.chat.desk.renamed(renamed)
        self.chat.terminal_title.refresh()
        self._fill(place)

    def _end_rename(self) -> None:
        if self._renamed is not None:
            self._renamed = None
            if self.focused is self._name_box:
                self.set_focus(self._listing)
            self._name_box.display = False
            self._offer()

    async def _read_all(self) -> None:
        history = self.chat.desk.history
        try:
            self._talks = await asyncio.to_thread(history.conversations)
            self._sizes = await asyncio.to_thread(history.sizes)
        except AutoglmError as error:
            self._foot.say(str(error))
        else:
            self._fill(self._listing.place)

    async def _until_read(self) -> None:
        """What is changed now will not be undone by a list that was read before."""
        if self._reading is not None:
            await self._reading

    def _fill(self, chosen: int = 0) -> None:
        """Titles that hold what is looked for, then the messages that do."""
        wanted = [folded(chunk) for chunk in chunks_of(self._query.value)]
        rows = [
            Row(talk, None, self._sizes.get(talk.id))
            for talk in self._talks
            if not wanted or self._holds(talk.title, wanted)
        ]
        rows += [Row(hit.conversation, hit, self._sizes.get(hit.conversation.id)) for hit in self._hits]
        opened = self.chat.desk.conversation
        nothing = self.words.none_found if wanted else self.words.none_yet
        self._query.border_title = f"{self.words.conversations} {len(rows)}" if rows else self.words.conversations
        self._listing.fill(rows, chosen, nothing, None if opened is None else opened.id)
        self._offer()

    def _holds(self, title: str, wanted: list[str]) -> bool:
        if (text := self._folded.get(title)) is None:
            text = self._folded[title] = folded(title)
        return all(chunk in text for chunk in wanted)

    def _select(self, talk: Conversation) -> None:
        places = [i for i, row in enumerate(self._listing.rows) if row.conversation.id == talk.id]
        self._listing.choose(places[0] if places else 0)

    def _find(self) -> None:
        """Searches the messages a moment after the last key."""
        self._finding = self.run_worker(self._find_messages, group="find", exclusive=True)

    async def _find_messages(self) -> None:
        if wanted := self._query.value.strip():
            await asyncio.sleep(SECONDS_OF_SILENCE)
        await self._find_now(wanted)

    async def _until_found(self) -> None:
        """What is pressed right after a text to look for is meant for what will be found."""
        if self.focused is not self._query:
            return
        typed = asyncio.Event()
        self._query.call_later(typed.set)
        await typed.wait()
        if (wanted := self._query.value.strip()) != self._found:
            if self._finding is not None:
                self._finding.cancel()
            await self._find_now(wanted)

    async def _find_now(self, wanted: str) -> None:
        if self._search is not None:
            # One search at a time; of those that were wanted meanwhile, only the last is made.
            await asyncio.wait([self._search])
        self._search = asyncio.create_task(asyncio.to_thread(self._searched, wanted))
        found = await asyncio.shield(self._search)
        self._found = wanted
        if isinstance(found, AutoglmError):
            self._foot.say(str(found))
            return
        self._hits = [hit for hit in found if hit.message_id is not None]
        self._fill(self._listing.place)

    def _searched(self, wanted: str) -> list[Hit] | AutoglmError:
        try:
            return self.chat.desk.history.search(wanted, MOST_HITS) if wanted else []
        except AutoglmError as error:
            return error

    async def _tried(self, doing: Coroutine[Any, Any, None]) -> bool:
        """Whether it went well; else why not is said."""
        try:
            await doing
        except AutoglmError as error:
            self._foot.say(str(error))
            return False
        return True

    def _to_list(self) -> None:
        """A title that is being written stays as it was."""
        self._end_rename()
        self._foot.say("")
        self.set_focus(self._listing)

    def _short(self, talk: Conversation) -> str:
        return shortened(one_line(talk.title) or self.words.no_title, TITLE_CELLS_SAID)

    def _offer(self) -> None:
        words = self.words
        if self._renamed is not None:
            self._foot.offer([("Enter", words.keep, "open"), ("Esc", words.leave, "back")])
            return
        keys = [("Enter", words.open, "open"), ("Esc", words.back, "back")]
        if self.focused is self._query:
            self._foot.offer([*keys, ("Tab", words.to_list, "other")])
            return
        undo = [("u", words.undo, "undo")] if self.chat.removed else []
        self._foot.offer(
            [
                *(*keys, *undo, ("r", words.rename, "rename"), ("d", words.delete, "delete")),
                *(("e", words.export, "export"), ("n", words.new, "new"), ("/", words.find, "search")),
            ]
        )
