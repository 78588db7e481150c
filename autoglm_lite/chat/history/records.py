"""What is kept of conversations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from autoglm_lite.chat.attachments import Attachment

Role = Literal["user", "assistant"]
State = Literal["complete", "stopped", "cut off"]
"""How a message ended: by itself; by the user; by a limit, the worker's death or the loss of power."""
Titled = Literal["itself", "user"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """Times in seconds since 1970."""

    id: str
    title: str
    model: str
    """The model file that it was last held with."""
    system: str | None
    created: float
    updated: float
    head: int | None = None
    """The last message of the branch that is open."""
    titled: Titled = "itself"
    """Who gave the title; the user's own is never replaced."""
    deleted: float | None = None
    """When; None: it is not."""


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    role: Role
    content: str
    reasoning: str
    state: State
    model: str | None
    """The name of the model that wrote it; None for the user's."""
    created: float
    parent: int | None = None
    """The message that it follows; None: it begins the conversation. Those of one parent are versions of each other."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a search found something."""

    conversation: Conversation
    message_id: int | None
    """None: in the title alone."""
    role: Role | Literal["title"]
    snippet: str
    """One line of the text around the first place."""
    marked: tuple[tuple[int, int], ...]
    """What was looked for: ranges of characters in `snippet`, from and up to."""
