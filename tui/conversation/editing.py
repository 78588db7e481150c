"""An earlier question in the box, to be asked anew in other words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.widgets import TextArea

from autoglm_lite.chat.attachments import Attachment
from tui.conversation.turn import TurnView


class Editing:
    """What was being written meanwhile waits."""

    def __init__(self, box: TextArea, title: str, swap: Callable[[Sequence[Attachment]], Sequence[Attachment]]) -> None:
        """`title` is over the box meanwhile. `swap` has other attachments go with what is in the box, and returns those
        that did."""
        self._box = box
        self._title = title
        self._swap = swap
        self._draft = ""
        self._attached: Sequence[Attachment] = ()
        self.view: TurnView | None = None
        """Whose question is in the box."""

    def begin(self, view: TurnView) -> None:
        attachments = () if view.turn is None else view.turn.attachments
        if self.view is None:
            self._draft, self._attached = self._box.text, self._swap(attachments)
        else:
            self.view.asked.remove_class("edited")
            self._swap(attachments)
        self.view = view
        view.asked.add_class("edited")
        self._write(view.question)
        self._box.border_title = self._title
        self._box.focus()

    def give_up(self) -> None:
        """The box is as it was before."""
        if self.view is not None:
            self.end()
            self._write(self._draft)
            self._swap(self._attached)

    def sent(self) -> TurnView | None:
        """The same when it is asked anew, which has emptied the box; returns the turn."""
        view = self.view
        self.give_up()
        return view

    def end(self) -> TurnView | None:
        """Returns the turn, which is no longer edited."""
        view, self.view = self.view, None
        if view is not None:
            view.asked.remove_class("edited")
            self._box.border_title = None
        return view

    def _write(self, text: str) -> None:
        self._box.text = text
        self._box.move_cursor(self._box.document.end)
