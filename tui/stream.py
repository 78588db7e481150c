"""A growing Markdown text, split into the blocks that are finished and the one that is still open."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

ONE_LINE = ("heading_open", "hr")
ENDED_BY_BLANK = ("paragraph_open", "table_open", "blockquote_open")
"""Blocks that nothing can continue after an empty line; a list can always be continued."""


def markdown_parser() -> MarkdownIt:
    """The parser for what is shown: GitHub's Markdown, with tags of HTML as plain text, so that none is lost."""
    return MarkdownIt("gfm-like", {"html": False})


class TailBuffer:
    """Collects pieces of Markdown; `take` gives what can no longer change, `tail` is the rest.

    All that was taken, joined, is the text that was fed, wherever it was cut; and each text taken consists of whole
    top-level blocks, which parse to the same as they would within the whole text (but for link definitions).
    """

    def __init__(self) -> None:
        self.tail = ""
        self._new_line = False
        """Whether a line was completed since the last look."""

    def feed(self, text: str) -> None:
        self.tail += text
        self._new_line = self._new_line or "\n" in text

    def take(self) -> str:
        """The finished blocks, or nothing."""
        if not self._new_line:
            return ""
        self._new_line = False
        taken = self.tail[: finished_length(self.tail)]
        self.tail = self.tail[len(taken) :]
        return taken

    def take_all(self) -> str:
        """The rest, once nothing more will come."""
        self._new_line = False
        taken, self.tail = self.tail, ""
        return taken


def finished_length(text: str) -> int:
    """Characters at the beginning of `text` whose blocks stay as they are whatever follows.

    A line without its end may still become anything, so only complete lines count; among their top-level blocks
    only the last can still grow (CommonMark never reopens a closed block).
    """
    lines = text.split("\n")[:-1]
    blocks = [token for token in _outline().parse("\n".join(lines)) if token.level == 0 and token.map]
    if not blocks:
        return 0
    first, end = blocks[-1].map or (0, 0)
    finished = len(lines) if _is_closed(blocks[-1], lines[end:]) else first
    return sum(len(line) + 1 for line in lines[:finished])


def _is_closed(block: Token, lines_after: Sequence[str]) -> bool:
    if block.type in ONE_LINE:
        return True
    if block.type == "fence":
        first, end = block.map or (0, 0)
        return end - first == block.content.count("\n") + 2
    return block.type in ENDED_BY_BLANK and len(lines_after) > 0


@cache
def _outline() -> MarkdownIt:
    """Finds blocks but not what is inside of them, in a fifth of the time."""
    parser = markdown_parser()
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
