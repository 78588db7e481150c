"""The title of the terminal's window or tab: which conversation is open."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tui.history.row import one_line

if TYPE_CHECKING:
    from tui.app import ChatApp

REMEMBER, RECALL = "\x1b[22;2t", "\x1b[23;2t"
"""The title there was before (xterm's XTWINOPS); a terminal that does not know them does nothing."""


class TerminalTitle:
    """Set by OSC 2 (xterm's control sequences), only when it changes. The Linux console has none, and old ones would
    print it."""

    def __init__(self, app: ChatApp) -> None:
        self._app = app
        self._said: str | None = None

    def refresh(self) -> None:
        talk = self._app.desk.conversation
        title = one_line(talk.title) if talk is not None else ""
        said = f"{title} – {self._app.TITLE}" if title else str(self._app.TITLE)
        if said != self._said:
            self._write(f"{REMEMBER if self._said is None else ''}\x1b]2;{said}\x07")
            self._said = said

    def end(self) -> None:
        if self._said is not None:
            self._write(f"\x1b]2;\x07{RECALL}")

    def _write(self, text: str) -> None:
        # As Textual writes to the clipboard: through its driver, so that nothing else comes between.
        driver = self._app._driver
        if driver is not None and os.environ.get("TERM") != "linux":
            driver.write(text)
