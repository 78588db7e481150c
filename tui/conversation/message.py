"""A message of the conversation: what the user asked or the model answered, and what can be done with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from autoglm_lite.chat.attachments import Attachment, one_line
from tui.conversation.frame import Frame
from tui.text import printable

Kind = Literal["question", "answer"]
GAP = "  "


@dataclass(frozen=True, slots=True)
class Handle:
    """A word under a message that can be clicked."""

    key: str
    """That does the same while the cursor is in the conversation; empty where the keys go to the box."""
    what: str
    action: str


class Foot(Static):
    """The line under a message: which of its versions it is, and while it is picked what can be done with it."""

    def __init__(self) -> None:
        super().__init__("", classes="foot")


def _line(version: tuple[int, int], handles: Sequence[Handle]) -> Content:
    number, n_versions = version
    parts = [_clickable(handle) for handle in handles]
    if n_versions > 1:
        arrows = (("‹", "previous_version"), (f"{number}/{n_versions}", ""), ("›", "next_version"))
        shown = [_clickable(Handle("", what, action)) if handles else Content(what) for what, action in arrows]
        parts.insert(0, Content(" ").join(shown))
    return Content(GAP).join(parts)


def _clickable(handle: Handle) -> Content:
    if not handle.action:
        return Content(handle.what)
    key = f"[bold]{handle.key.replace('[', chr(92) + '[')}[/bold] " if handle.key else ""
    return Content.from_markup(f"{key}[@click=app.do('{handle.action}')]$what[/]", what=handle.what)


class MessageView(Frame):
    """One is picked at most: by the cursor or by a click.

    Most messages have no foot, and answers neither thoughts nor notes: there are widgets for them only where there are.
    """

    kind: Kind

    class Clicked(Message):
        def __init__(self, view: MessageView) -> None:
            super().__init__()
            self.view = view

    def __init__(self, version: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.version = version
        """Which of how many."""
        self.n_links_taken = 0
        """How many of its links were copied since it was picked."""
        self._handles: Sequence[Handle] = ()
        self.foot: Foot | None = None

    @property
    def source(self) -> str:
        """As it was written."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self._put_foot()

    def on_click(self) -> None:
        # A click also ends a selection of text, which is not meant to pick anything.
        if not self.screen.get_selected_text():
            self.post_message(self.Clicked(self))

    def pick(self, handles: Sequence[Handle]) -> None:
        """Marks it, with `handles` under it; without any it is like all others again."""
        self._handles = handles
        self.n_links_taken = 0
        self.set_class(bool(handles), "picked")
        self._put_foot()

    def count(self, version: tuple[int, int]) -> None:
        """It has become this one of so many versions."""
        self.version = version
        self._put_foot()

    def _put_foot(self) -> None:
        if not self.is_attached:
            return
        line = _line(self.version, self._handles)
        if not line:
            if self.foot is not None:
                self.foot.remove()
                self.foot = None
            return
        if self.foot is None:
            self.foot = Foot()
            self.mount(self.foot)
        self.foot.update(line)


class QuestionView(MessageView):
    kind = "question"

    def __init__(self, text: str, version: tuple[int, int] = (1, 1), attachments: Sequence[Attachment] = ()) -> None:
        super().__init__(version)
        self._text = text
        self._body = Static(printable(text), markup=False, classes="question")
        self._names = " ".join(f"[{one_line(one.name)}]" for one in attachments)

    def compose(self) -> ComposeResult:
        yield self._body
        if self._names:
            yield Static(self._names, markup=False, classes="attached")

    @property
    def source(self) -> str:
        return self._text
