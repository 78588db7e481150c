"""The screen of models: what there is, what would happen with it here, what can be got, and what the disk holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from autoglm_lite.errors import AutoglmError
from autoglm_lite.store import is_starter
from autoglm_lite.store.download import remove_part
from autoglm_lite.store.models import is_ours, models_dir
from autoglm_lite.store.removing import remove
from tui.machine.status import size
from tui.models.known import Known
from tui.models.rows import QUIET, Getable, Row, content_of, disk_line, getable_row, stored_row
from tui.text import printable

if TYPE_CHECKING:
    from tui.app import ChatApp

SECONDS_BETWEEN_DRAWS = 0.5
"""Of what moves: a download, or a model that is being loaded."""


class ModelsScreen(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f3", "leave", show=False),
        Binding("u", "unload", show=False),
        Binding("g", "get", show=False),
        Binding("p", "pause", show=False),
        Binding("x", "delete", show=False),
        Binding("j", "below", show=False),
        Binding("k", "above", show=False),
    ]

    def __init__(self, chat: ChatApp) -> None:
        super().__init__()
        self._chat = chat
        self._words = chat.words.models
        self._known = Known(chat)
        self._armed: tuple[str, str] | None = None
        """The key and the entry that a second press is waited for."""
        self._drawn: dict[str, Content] = {}
        self._moving = False
        """Whether there will be more to find out once what goes on has ended."""
        self._space = Static("", markup=False, id="models-space")
        self._list = OptionList(id="models-list")
        self._remark = Static("", markup=False, id="models-remark")

    def compose(self) -> ComposeResult:
        with Vertical(id="models"):
            yield Static(self._words.title, markup=False, id="models-title")
            yield self._space
            yield self._list
            yield self._remark
            yield Static(
                "   ".join(key.replace(" ", "\u00a0") for key in self._words.keys), markup=False, id="models-keys"
            )

    def on_mount(self) -> None:
        self._list.focus()
        self.set_interval(SECONDS_BETWEEN_DRAWS, self._tick)
        self._find_out()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._draw)

    def action_leave(self) -> None:
        self.dismiss()

    def action_below(self) -> None:
        self._list.action_cursor_down()

    def action_above(self) -> None:
        self._list.action_cursor_up()

    async def action_unload(self) -> None:
        self._say(await self._chat.using.unload())
        self._draw()

    def action_get(self) -> None:
        chat, words, one = self._chat, self._words, self._getable
        if one is None:
            self._say(words.already_here.format(name=self._title_here) if self._title_here else words.nothing_paused)
        elif chat.getting.running and chat.getting.download is not None:
            self._say(words.one_at_a_time.format(name=chat.getting.download.wanted.label))
        else:
            self._start(one)

    def action_pause(self) -> None:
        getting, words = self._chat.getting, self._words
        if getting.running and getting.download is not None:
            getting.pause()
            self._moving = True
            self._say(words.paused.format(name=getting.download.wanted.label))
        elif getting.download is not None:
            self._start(Getable(getting.download.wanted))
        else:
            self._say(words.nothing_paused)

    async def action_delete(self) -> None:
        if (one := self._getable) is not None:
            self._delete_part(one)
        elif (path := self._path) is not None:
            self._delete(path)

    @on(OptionList.OptionHighlighted)
    def _moved(self) -> None:
        if self._armed is not None and self._armed[1] != self._key:
            self._armed = None
            self._say("")

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if (path := self._path) is not None:
            self.run_worker(self._use(path), group="choose", exclusive=True)
        elif self._getable is not None:
            self.action_get()
        else:
            self._say(self._words.only_service.format(name=self._title_here))

    async def _use(self, path: Path) -> None:
        words, look = self._words, self._known.looks.get(path)
        if not self._chat.desk.has(path) and (look is None or isinstance(look, str) or look.verdict != "fits"):
            # Memory may have become free since, and a file may have been mended.
            look = await self._known.look(path)
            self._draw()
        if isinstance(look, str):
            self._say(printable(look))
        elif look is not None and look.use != "chat":
            self._say(words.no_chat.format(name=printable(look.name)))
        elif look is not None and look.verdict == "wont-fit":
            needed, available = size(look.needed), size(look.available)
            self._say(words.refused.format(name=printable(look.name), needed=needed, available=available))
        elif look is not None and look.verdict == "streams" and not self._insisted("enter"):
            self._say(words.streams_insist.format(name=printable(look.name)))
        else:
            self.dismiss()
            self._chat.using.use(path)

    def _start(self, one: Getable) -> None:
        try:
            self._chat.getting.start(one.wanted)
        except (AutoglmError, ValueError) as error:
            self._say(str(error))
        else:
            self._moving = True
            self._say("")
            self._draw()

    def _delete(self, path: Path) -> None:
        words, name = self._words, printable(path.stem)
        if is_starter(path):
            self._say(words.delete_starter)
        elif not is_ours(path):
            self._say(words.delete_outside.format(name=name))
        elif self._chat.desk.has(path) or self._chat.using.path == path:
            self._say(words.delete_used.format(name=name))
        elif not self._insisted("x"):
            sentence = words.delete_link if path.is_symlink() else words.delete_insist
            self._say(sentence.format(name=name, size=size(_size(path))))
        else:
            try:
                freed = remove(path)
            except AutoglmError as error:
                self._say(str(error))
                return
            if self._chat.getting.ready == path:
                self._chat.getting.ready = None
            self._say(words.deleted.format(name=name, size=size(freed)))
            self._find_out()

    def _delete_part(self, one: Getable) -> None:
        words, getting = self._words, self._chat.getting
        if getting.running and getting.download is not None and getting.download.wanted.name == one.wanted.name:
            self._say(words.one_at_a_time.format(name=one.wanted.label))
        elif one.part is None:
            self._say("")
        elif not self._insisted("x"):
            self._say(words.part_insist.format(name=one.wanted.label, size=size(one.part.done)))
        else:
            remove_part(models_dir(), one.wanted.name)
            if getting.download is not None and getting.download.wanted.name == one.wanted.name:
                getting.download = None
            self._say(words.deleted.format(name=one.wanted.label, size=size(one.part.done)))
            self._find_out()

    def _insisted(self, key: str) -> bool:
        """Whether this is the second press in a row on the same entry; else the next one will be."""
        now = key, self._key
        again = self._armed == now
        self._armed = None if again else now
        return again

    def _say(self, text: str) -> None:
        self._remark.update(text)

    @property
    def _key(self) -> str:
        option = self._list.highlighted_option
        return "" if option is None or option.id is None else option.id

    @property
    def _path(self) -> Path | None:
        """Of the stored model under the cursor."""
        kind, _, name = self._key.partition(":")
        return Path(name) if kind == "stored" else None

    @property
    def _getable(self) -> Getable | None:
        """Under the cursor."""
        kind, _, name = self._key.partition(":")
        return next((one for one in self._known.getables if kind == "get" and one.wanted.name == name), None)

    @property
    def _title_here(self) -> str:
        """Of what is under the cursor."""
        return printable(self._path.stem if self._path is not None else self._key.partition(":")[2])

    def _find_out(self) -> None:
        self.run_worker(self._show_what_is_found(), group="find_out", exclusive=True)

    async def _show_what_is_found(self) -> None:
        async for _ in self._known.find_out():
            self._draw()

    def _tick(self) -> None:
        moving = self._chat.getting.running or self._chat.using.path is not None
        if moving:
            self._draw()
        elif self._moving:
            self._find_out()
        self._moving = moving

    def _draw(self) -> None:
        width = self._list.scrollable_content_region.width
        if not width:
            return
        if self._known.space is not None:
            self._space.update(disk_line(self._known.space, self._words))
        entries = self._entries(width)
        contents = {key: content for key, content in entries if content is not None}
        if list(contents) == list(self._drawn):
            for key, content in contents.items():
                if content != self._drawn[key]:
                    self._list.replace_option_prompt(key, content)
        else:
            before = self._key
            self._list.set_options(
                Option(content, id=key, disabled=key.startswith("head:")) for key, content in contents.items()
            )
            keys = list(contents)
            used = next((f"stored:{path}" for path in self._known.stored if self._chat.desk.has(path)), "")
            self._list.highlighted = next((keys.index(key) for key in (before, used) if key in keys), 1)
        self._drawn = contents

    def _entries(self, width: int) -> list[tuple[str, Content]]:
        """Ids and what is to be seen."""
        words, known = self._words, self._known
        found = [("head:stored", Content.styled(words.stored, QUIET))]
        names = {path.stem for path in known.stored}
        for path in known.stored:
            row = stored_row(
                path,
                known.looks.get(path),
                known.served.get(path.stem),
                words,
                used=self._used(path),
                activity=self._activity(path),
            )
            found.append((f"stored:{path}", content_of(row, width)))
        others = [served for name, served in known.served.items() if name not in names]
        if others:
            found.append(("head:service", Content.styled(words.by_service, QUIET)))
        for served in others:
            details = words.in_service_memory if served.in_memory else ""
            row = Row(printable(served.name), words.service_only, QUIET, details)
            found.append((f"served:{served.name}", content_of(row, width)))
        if known.getables:
            found.append(("head:get", Content.styled(words.to_get, QUIET)))
        getting = self._chat.getting
        for one in known.getables:
            download = getting.download
            running = getting.running and download is not None and download.wanted.name == one.wanted.name
            progress = download.progress if running and download is not None else None
            found.append((f"get:{one.wanted.name}", content_of(getable_row(one, progress, words), width)))
        return found

    def _used(self, path: Path) -> str:
        desk = self._chat.desk
        if not self._chat.desk.has(path) or desk.opened is None:
            return ""
        unloaded = desk.opened.model.place != "service" and not desk.loaded
        return self._words.unloaded_mark if unloaded else self._words.in_use

    def _activity(self, path: Path) -> str:
        using = self._chat.using.path
        loading = using is not None and using.absolute() == path.absolute()
        return self._chat.status.status.activity if loading else ""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
