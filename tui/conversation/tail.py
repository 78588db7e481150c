"""The block of an answer that is still open, as plain text."""

from __future__ import annotations

from textual.containers import Vertical
from textual.widgets import Static

LINES = 16
"""Of one part that is drawn once and then left alone."""


class Part(Static):
    def __init__(self, text: str = "") -> None:
        super().__init__(text, markup=False)


class Tail(Vertical):
    """Only its last lines are laid out again when it grows: of a long block each paint would else cost more than the
    one before."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._settled = ""
        """The text of the parts that stay as they are, all of them whole lines."""
        self._growing = Part()

    def compose(self) -> list[Part]:
        return [self._growing]

    async def put(self, text: str) -> None:
        """Shows `text`; the screen is laid out anew only when another line is needed: that costs ten times the
        drawing."""
        self.display = bool(text)
        if not text.startswith(self._settled):
            self._settled = ""
            await self.remove_children([part for part in self.children if part is not self._growing])
        lines = text[len(self._settled) :].split("\n")
        while len(lines) >= 2 * LINES:
            settled, lines = lines[:LINES], lines[LINES:]
            self._settled += "".join(f"{line}\n" for line in settled)
            # An empty last line would take no room.
            await self.mount(Part("\n".join([*settled[:-1], settled[-1] or " "])), before=self._growing)
        part = self._growing
        part.update("\n".join(lines), layout=False)
        size = part.content_size
        part.clear_cached_dimensions()
        if part.get_content_height(size, self.app.viewport_size, size.width) != size.height:
            part.refresh(layout=True)

    @property
    def plain(self) -> str:
        """What is shown."""
        return self._settled + str(self._growing.render())
