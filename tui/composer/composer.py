"""The box with what is around it: the list of commands or files above it, and what goes with the question."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
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
from tui.composer.reading import about_tokens
from tui.palette.keymap import Keymap
from tui.palette.offers import beginning, fitted, line, offered
from tui.words import Words

SLASH = re.compile(r"/[\w-]*")
AT = re.compile(r"""(?:^|(?<=[^A-Za-z0-9._%+@/-]))@(?:"([^"\n]*)|([^\s@"]*))$""")
"""At the cursor; a letter before it makes an address of it, a Chinese character does not."""


@dataclass(frozen=True, slots=True)
class Token:
    """A command or a file's name that is being typed."""

    start: tuple[int, int]
    """Its row and column."""
    typed: str
    """Without the slash or the @."""
    is_command: bool


class Composer(Vertical):
    """What is written, and what goes with it."""

    class Wanted(Message):
        """A command was chosen from the list."""

        def __init__(self, action: Action) -> None:
            super().__init__()
            self.action = action

    class Changed(Message):
        """Something was attached, or taken away."""

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
        self._declined: tuple[int, int] | None = None
        """Where the token begins on which the list was closed with Esc: it stays closed while one goes on there."""
        self._commands_for = ""
        self._listed: str | None = None
        """What the files in the list were found for."""
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
            self._have([*self.attached, attached])

    def detach(self, index: int = -1) -> None:
        if self.attached:
            left = list(self.attached)
            left.pop(index)
            self._have(left)

    def sent(self) -> None:
        """Empties the box, whose text can be recalled from now on."""
        self.prompt.sent()
        self._have([])

    def put_back(self, text: str, attachments: Sequence[Attachment]) -> None:
        """Gives a question back for another try, unless something new is being written."""
        if not self.prompt.text.strip() and not self.attached:
            self.swap(attachments)
        self.prompt.put_back(text)

    def swap(self, attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
        """Has these go with the question; returns those that went with it until now."""
        before = self.attachments
        self._have([Attached(one, about_tokens(one.text), False) for one in attachments])
        return before

    def _have(self, attached: list[Attached]) -> None:
        self.attached = attached
        self.chips.show_all(attached)
        self.post_message(self.Changed())

    def key_pressed(self, key: str) -> bool:
        """Whether a key in the box was meant for the list, or takes an attachment away."""
        if key == "backspace" and self.attached and self.prompt.cursor_location == (0, 0):
            if self.prompt.selected_text:
                return False
            self.detach()
            return True
        token = self._token()
        if key in ("tab", "enter") and token is not None and token.start != self._declined:
            # Keys may come faster than the list follows: what it marks must fit what is written now.
            if token.is_command:
                self._suggest()
            elif token.typed != self._listed:
                return key == "tab" or self.menu.is_open
        if key == "escape" and self.menu.display:
            self._declined = None if token is None else token.start
            self.menu.close()
        elif not self.menu.is_open:
            return False
        elif key in ("up", "down"):
            self.menu.step(-1 if key == "up" else 1)
        elif key in ("tab", "enter"):
            self._take(self.menu.chosen, complete=key == "tab")
        else:
            return False
        return True

    @on(TextArea.Changed)
    def _suggest(self) -> None:
        token = self._token()
        if token is None:
            self._declined = None
            self.menu.close()
        elif token.start == self._declined:
            return
        elif token.is_command:
            self._offer_commands(token.typed)
        else:
            self.run_worker(self._offer_files(token), group="files", exclusive=True)

    @on(OptionList.OptionSelected)
    def _click(self, event: OptionList.OptionSelected) -> None:
        self._take(event.option_id, complete=False)

    @on(Chips.Unwanted)
    def _drop(self, event: Chips.Unwanted) -> None:
        if event.index < len(self.attached):
            self.detach(event.index)

    def _offer_commands(self, typed: str) -> None:
        if self.menu.is_open and self._commands_for == typed:
            return
        self._commands_for = typed
        found = beginning(typed, self._offers, self._said)
        n_word = max((cell_len(action.word) + 1 for action in found), default=0)
        self.menu.offer([(action.id, line(action, self._said, self.menu.n_cells, n_word)) for action in found])

    async def _offer_files(self, token: Token) -> None:
        found = await asyncio.to_thread(self._files.matching, token.typed)
        if self._token() == token and token.start != self._declined:
            self._listed = token.typed
            if found:
                self.menu.offer([(path, Content(fitted(path, self.menu.n_cells))) for path in found])
            else:
                self.menu.say(self._said.composer.no_such_file if token.typed else self._said.composer.no_files)

    def _token(self) -> Token | None:
        """What is being typed at the cursor that a list may complete."""
        if SLASH.fullmatch(self.prompt.text):
            return Token((0, 0), self.prompt.text[1:], True)
        row, column = self.prompt.cursor_location
        match = AT.search(self.prompt.document.get_line(row)[:column])
        return None if match is None else Token((row, match.start()), match[1] or match[2] or "", False)

    def _take(self, name: str | None, *, complete: bool) -> None:
        token = self._token()
        if name is None or token is None:
            return
        if token.is_command:
            self._take_command(next(action for action in self._offers if action.id == name), complete=complete)
            return
        self.menu.close()
        cursor = self.prompt.cursor_location
        if name.endswith("/"):
            self.prompt.replace(f'@"{name}' if " " in name else f"@{name}", token.start, cursor)
        else:
            self.prompt.replace(f"{Path(name).name} ", token.start, cursor)
            self.post_message(self.Picked([self._files.path(name)]))

    def _take_command(self, action: Action, *, complete: bool) -> None:
        if complete:
            self.prompt.show_text(f"/{action.word}" + (" " if action.with_text is not None else ""))
        else:
            self.menu.close()
            self.prompt.clear()
            self.post_message(self.Wanted(action))
