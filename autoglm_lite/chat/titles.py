"""What a conversation is called until its user says otherwise."""

from __future__ import annotations

TITLE_CHARACTERS = 60


def title_of(text: str) -> str:
    """The first line that says something, in at most 60 characters."""
    line = next((line for line in text.splitlines() if line.strip()), "")
    words = " ".join(line.split())
    return words if len(words) <= TITLE_CHARACTERS else words[: TITLE_CHARACTERS - 1].rstrip() + "…"
