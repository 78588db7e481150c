"""What a person can have the app do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.words import Words

if TYPE_CHECKING:
    from tui.app import ChatApp

NAMES = {"escape": "Esc", "enter": "Enter", "pageup": "PgUp", "pagedown": "PgDn", "space": "Space"}
"""Of keys, as they are printed on keyboards."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, however it is asked for: by a key, in the palette, as a slash command, in the line of keys."""

    id: str
    """Under which its keys can be given anew, such as `new_conversation`."""
    title: Callable[[Words], str]
    """Short: it stands in the line of keys."""
    run: Callable[[ChatApp], Awaitable[object] | None]
    keys: tuple[str, ...] = ()
    """As Textual names them; the first is shown."""
    slash: str = ""
    """The word after the slash; empty for none."""
    rank: int | None = None
    """Place in the line of keys, where the first matter most; None: it is not shown there."""
    bound: bool = True
    """Whether the app listens for its keys everywhere; else the box or a list does, while it has the focus."""
    with_text: Callable[[ChatApp, str], Awaitable[object] | None] | None = None
    """What the slash command does when something is written after it, such as a path; None: it takes nothing."""

    @property
    def word(self) -> str:
        """What is typed after the slash."""
        return self.slash or self.id.replace("_", "-")


def key_name(key: str) -> str:
    """`ctrl+shift+c` as `Ctrl+Shift+C`; a letter alone as it is, since `G` is another key than `g`."""
    if len(key) == 1:
        return key
    parts = [NAMES.get(part, part.upper() if len(part) == 1 else part.capitalize()) for part in key.split("+")]
    return "+".join(parts)
