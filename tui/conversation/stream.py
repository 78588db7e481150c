"""A growing Markdown text, split into the blocks that are finished and the one that is still open."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

ONE_LINE = ("heading_open", "hr")
ENDED_BY_BLANK = ("paragraph_open", "table_open", "blockquote_open")
"""Blocks that nothing can continue after an empty line; a list can always be continued."""

BEGUN_TEXT = re.compile(r"(\*\*)?[^\W\d_]")
"""The beginning of a line that can be no list item, fence, heading or rule."""


def markdown_parser() -> MarkdownIt:
    """The parser for what is shown: GitHub's Markdown as in its comments, where line breaks stay, with tags of HTML as
    plain text, so that none is lost."""
    # 30 ms to import, which the first frame has no need of.
    from markdown_it import MarkdownIt

    from tui.conversation.maths import add_maths

    parser = MarkdownIt("gfm-like", {"html": False})
    add_maths(parser)
    parser.core.ruler.push("as_written", _as_written)
    return parser


class TailBuffer:
    """Collects pieces of Markdown; `take` gives what can no longer change, `tail` is the rest.

    All that was taken, joined, is the text that was fed, wherever it was cut; and each text taken consists of whole
    top-level blocks, which parse to the same as they would within the whole text (but for link definitions).
    """

    def __init__(self) -> None:
        self.tail = ""
        self._looked = 0
        """How much of the tail the last look was given."""

    def feed(self, text: str) -> None:
        self.tail += text

    def take(self) -> str:
        """The finished blocks, or nothing."""
        length = certain_length(self.tail)
        if length <= self._looked:
            return ""
        taken = self.tail[: finished_length(self.tail[:length])]
        self.tail = self.tail[len(taken) :]
        self._looked = length - len(taken)
        return taken

    def take_all(self) -> str:
        """The rest, once nothing more will come."""
        taken, self.tail, self._looked = self.tail, "", 0
        return taken


def certain_length(text: str) -> int:
    """Up to where it is certain what kind of line each is: to the last line break, or over the first letters of an
    open line that can only be text, so that a list is seen to have ended before the paragraph after it has."""
    complete = text.rfind("\n") + 1
    begun = BEGUN_TEXT.match(text, complete)
    return complete if begun is None else begun.end()


def finished_length(text: str) -> int:
    """Characters at the beginning of `text`, all of whose lines are certain, whose blocks stay as they are whatever
    follows: only the last block can still grow, since CommonMark never reopens a closed one."""
    blocks = [token for token in _outline().parse(text) if token.level == 0 and token.map]
    if not blocks:
        return 0
    lines = text.split("\n")
    complete = len(lines) - 1
    first, end = blocks[-1].map or (0, 0)
    finished = complete if complete >= end and _is_closed(blocks[-1], complete - end) else first
    return sum(len(line) + 1 for line in lines[:finished])


def _is_closed(block: Token, n_blank_after: int) -> bool:
    if block.type in ONE_LINE:
        return True
    if block.type == "math_block":
        return bool(block.meta["closed"]) or n_blank_after > 0
    if block.type == "fence":
        first, end = block.map or (0, 0)
        return end - first == block.content.count("\n") + 2
    return block.type in ENDED_BY_BLANK and n_blank_after > 0


def _as_written(state: StateCore) -> None:
    """Comes last, when no links are looked for any more."""
    shown = {"softbreak": "hardbreak", "math_inline": "text"}
    for token in state.tokens:
        for child in token.children or ():
            child.type = shown.get(child.type, child.type)


@cache
def _outline() -> MarkdownIt:
    """Finds blocks but not what is inside of them, in a fifth of the time."""
    parser = markdown_parser()
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
