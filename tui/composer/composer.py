"""The box with what is around it: the list of commands or files above it, and what goes with the question."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, TextArea

from autoglm_lite.chat.attachments import Attachment
from tui.actions.action import Action
from tui.composer.chips import Attached, Chips
from tui.composer.files import Files
from tui.composer.menu import Menu
from tui.composer.prompt import Prompt
from tui.palette.keymap import Keymap
from tui.palette.offers import beginning, fitted, line, offered
from tui.words import Words

SLASH = re.compile(r"/[\w-]*")
AT = re.compile(r"""(?:^|(?<=[^A-Za-z0-9._%+@/-]))@(?:"([^"\n]*)|([^\s@"]*))$""")
"""At the cursor; a letter before it makes an address of it, a Chinese character does not."""


class Composer(Vertical):
    """What is written, and what goes with it."""

    class Wanted(Message):
        """A command was chosen from the list."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    class Picked(Message):
        """Files are to be attached."""

        def __init__(self, paths: Sequence[Path]) -> None:
            super().__init__()
            self.paths = tuple(paths)

    def __init__(self, keymap: Keymap, words: Words) -> None:
        super().__init__(id="writing")
        self._offers = offered(keymap.actions)
        self._said = words
        self._files = Files(Path.cwd())
        self._declined = ""
        """What the list was closed on with Esc: it stays closed while one goes on writing that."""
        self.attached: list[Attached] = []
        self.menu = Menu()
        self.chips = Chips(words.composer)
        self.prompt = Prompt(words.composer.placeholder, keys=keymap.in_the_box(), first=self.key_pressed)

    def compose(self) -> ComposeResult:
        yield self.menu
        yield self.chips
        yield self.prompt

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return tuple(one.attachment for one in self.attached)

    def attach(self, attached: Attached) -> None:
        """Something of the same name and text is not attached twice."""
        if attached.attachment not in self.attachments:
            self.attached.append(attached)
        self.chips.show_all(self.attached)

    def detach(self, index: int = -1) -> None:
        if self.attached:
            self.attached.pop(index)
        self.chips.show_all(self.attached)

    def sent(self) -> None:
        """Empties the box, whose text can be recalled from now on."""
        self.prompt.sent()
        self.attached = []
        self.chips.show_all(self.attached)

    def put_back(self, text: str, attached: Sequence[Attached]) -> None:
        """Gives a question back for another try, unless something new is being written."""
        if not self.prompt.text.strip() and not self.attached:
            self.attached = list(attached)
            self.chips.show_all(self.attached)
        self.prompt.put_back(text)

    def key_pressed(self, key: str) -> bool:
        """Whether a key in the box was meant for the list, or takes an attachment away."""
        if key == "backspace" and self.attached and self.prompt.cursor_location == (0, 0):
            if self.prompt.selected_text:
                return False
            self.detach()
            return True
        if not self.menu.is_open:
            return False
        if key in ("up", "down"):
            self.menu.step(-1 if key == "up" else 1)
        elif key == "escape":
            self._declined = self.prompt.text
            self.menu.close()
        elif key in ("tab", "enter"):
            self._take(self.menu.chosen, complete=key == "tab")
        else:
            return False
        return True

    @on(TextArea.Changed)
    def _suggest(self) -> None:
        text = self.prompt.text
        if self._declined and not text.startswith(self._declined):
            self._declined = ""
        if self._declined:
            return
        if SLASH.fullmatch(text):
            self._offer_commands(text[1:])
        elif (typed := self._typed_path()) is not None:
            self.run_worker(self._offer_files(typed), group="files", exclusive=True)
        else:
            self.menu.close()

    @on(OptionList.OptionSelected)
    def _click(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_id, complete=False)

    @on(Chips.Unwanted)
    def _drop(self, event: Chips.Unwanted) -> None:
        if event.index < len(self.attached):
            self.detach(event.index)

    def _offer_commands(self, typed: str) -> None:
        found = beginning(typed, self._offers, self._said)
        n_word = max((cell_len(action.word) + 1 for action in found), default=0)
        self.menu.offer([(action.id, line(action, self._said, self.menu.n_cells, n_word)) for action in found])

    async def _offer_files(self, typed: str) -> None:
        found = await asyncio.to_thread(self._files.matching, typed)
        if self._typed_path() == typed:
            self.menu.offer([(path, Content(fitted(path, self.menu.n_cells))) for path in found])

    def _typed_path(self) -> str | None:
        """What stands between an @ and the cursor."""
        row, column = self.prompt.cursor_location
        match = AT.search(self.prompt.document.get_line(row)[:column])
        return None if match is None else match[1] if match[1] is not None else match[2]

    def _take(self, name: str | None, *, complete: bool) -> None:
        if name is None:
            return
        self.menu.close()
        if self.prompt.text.startswith("/") and SLASH.fullmatch(self.prompt.text):
            action = next(action for action in self._offers if action.id == name)
            if complete or action.with_text is not None:
                self._declined = f"/{action.word}"
                self.prompt.show_text(f"/{action.word} " if action.with_text is not None else f"/{action.word}")
            else:
                self.prompt.clear()
                self.post_message(self.Wanted(action))
            return
        row, column = self.prompt.cursor_location
        match = AT.search(self.prompt.document.get_line(row)[:column])
        if match is None:
            return
        start = (row, match.start())
        if name.endswith("/"):
            self.prompt.replace(f'@"{name}' if " " in name else f"@{name}", start, (row, column))
        else:
            self.prompt.replace(f"{Path(name).name} ", start, (row, column))
            self.post_message(self.Picked([self._files.path(name)]))
