"""One conversation to a file: where to, and in which format."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from autoglm_lite.chat import export
from autoglm_lite.chat.branches import open_turns
from autoglm_lite.chat.history import Conversation, History
from autoglm_lite.errors import AutoglmError
from tui.history.file import ExistsError, export_folder, free_path, write_file
from tui.history.foot import KeysFoot
from tui.history.row import one_line
from tui.text import printable
from tui.words.history import Words

if TYPE_CHECKING:
    from tui.app import ChatApp

MARKDOWN, JSON = ".md", ".json"


class ExportScreen(ModalScreen["Path | None"]):
    """Ends with the file that was written, or None. The name's ending chooses the format."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("tab,shift+tab,up,down", "format", show=False, priority=True),
    ]

    def __init__(self, history: History, conversation: Conversation, words: Words) -> None:
        super().__init__()
        self.words = words
        self._history = history
        self._talk = conversation
        self._folder = export_folder()
        self._may_replace = ""
        """What Enter replaces when it is pressed once more."""
        self._path_box = Input(self._proposed(MARKDOWN), id="path", compact=True, select_on_focus=False)
        self._formats = Static("", id="formats")
        self._problem = Static("", markup=False, id="problem")
        self._foot = KeysFoot()

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield self._path_box
            yield self._formats
            yield self._problem
            yield self._foot

    def on_mount(self) -> None:
        title = one_line(self._talk.title) or self.words.no_title
        self.query_one("#dialog").border_title = Content(self.words.export_title.format(title=title))
        words = self.words
        keys = [("Enter", words.save, "save"), ("Tab", words.format, "format"), ("Esc", words.back, "back")]
        self._foot.offer(keys)
        self._path_box.focus()
        self._show_format()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_format(self) -> None:
        """The other one; a name that was not changed stays free of what is there."""
        before, after = (JSON, MARKDOWN) if self._is_json else (MARKDOWN, JSON)
        value = self._path_box.value
        if value == self._proposed(before):
            self._path_box.value = self._proposed(after)
        else:
            self._path_box.value = value.removesuffix(before) + after
        self._path_box.cursor_position = len(self._path_box.value)

    @on(Input.Changed)
    def _type(self) -> None:
        self._may_replace = ""
        self._say("")
        self._show_format()

    @on(Input.Submitted)
    async def action_save(self) -> None:
        name = self._path_box.value.strip()
        if not name:
            self._say(self.words.no_name)
            return
        try:
            written = await asyncio.to_thread(self._write, name, self._is_json, name == self._may_replace)
        except ExistsError as error:
            self._may_replace = name
            self._say(str(error))
        except AutoglmError as error:
            self._say(str(error))
        except (RuntimeError, ValueError):
            # The home of a user who is not there, or a null byte.
            self._say(self.words.no_folder.format(folder=name))
        else:
            self.dismiss(written)

    @property
    def _is_json(self) -> bool:
        return self._path_box.value.strip().lower().endswith(JSON)

    def _write(self, name: str, as_json: bool, replace: bool) -> Path:
        path = self._folder / Path(name).expanduser()
        # As it is now: another app may have gone on with it.
        talk = self._history.get(self._talk.id)
        messages = self._history.messages(talk.id)
        text = (
            export.as_json(talk, messages)
            if as_json
            else export.markdown(talk, open_turns(self._history, talk.id), names(self.words))
        )
        return write_file(path, text, self.words, replace=replace)

    def _proposed(self, ending: str) -> str:
        path = free_path(self._folder, self._talk.title, ending)
        return path.name if self._folder == Path.cwd() else str(path)

    def _show_format(self) -> None:
        chosen = int(self._is_json)
        names = (self.words.whole_branch, self.words.all_branches)
        marks = [("● " if i == chosen else "○ ") + name for i, name in enumerate(names)]
        self._formats.update(
            Content("   ").join(
                Content.from_markup("[@click=screen.format]$text[/]", text=text).stylize("bold" if i == chosen else "")
                for i, text in enumerate(marks)
            )
        )

    def _say(self, problem: str) -> None:
        self._problem.update(printable(problem))
        self._problem.display = bool(problem)


def names(words: Words) -> export.Names:
    """What the parts of the file are called."""
    return export.Names(
        you=words.file_you,
        thinking=words.file_thinking,
        system=words.file_system,
        stopped=words.file_stopped,
        cut_off=words.file_cut_off,
        no_answer=words.file_no_answer,
    )


def export_dialog(app: ChatApp, conversation: Conversation, say: Callable[[str], object]) -> None:
    """Asks where to; `say` is given the sentence that tells where the file is."""
    words = app.words.history

    def tell(path: Path | None) -> None:
        if path is not None:
            say(words.exported.format(path=path))

    app.push_screen(ExportScreen(app.desk.history, conversation, words), tell)
