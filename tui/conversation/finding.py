"""Finding text in a conversation, shown or not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoglm_lite.chat.prompt import Turn
from tui.conversation.message import Kind
from tui.conversation.stream import markdown_parser
from tui.text import printable

if TYPE_CHECKING:
    from markdown_it.token import Token

SHOWN = ("text", "code_inline", "hardbreak")
BLOCKS_OF_TEXT = ("fence", "code_block", "math_block")


@dataclass(frozen=True, slots=True)
class Match:
    turn: int
    """Its place among all of the conversation."""
    kind: Kind
    nth: int
    """Which of the matches in this message, from 0."""


def find(turns: Sequence[Turn], wanted: str) -> list[Match]:
    """Where `wanted` stands in what is shown of `turns`, in capitals or not; from top to bottom."""
    if not wanted:
        return []
    matches: list[Match] = []
    for number, turn in enumerate(turns):
        n_asked = len(places(printable(turn.question), wanted))
        matches += [Match(number, "question", nth) for nth in range(n_asked)]
        # Most answers do not hold it even with their signs; only those that may are taken apart.
        if may_hold(turn.answer, wanted):
            n_answered = sum(len(places(text, wanted)) for text in shown_texts(turn.answer))
            matches += [Match(number, "answer", nth) for nth in range(n_answered)]
    return matches


def places(text: str, wanted: str) -> list[tuple[int, int]]:
    """Beginnings and ends."""
    return [match.span() for match in re.finditer(re.escape(wanted), text, re.IGNORECASE)] if wanted else []


def may_hold(markdown: str, wanted: str) -> bool:
    """Whether all letters of `wanted` are in a text, wherever: signs of Markdown may stand between them."""
    letters = set(wanted.casefold()) - set(" \n")
    return letters <= set(markdown.casefold())


def shown_texts(markdown: str) -> list[str]:
    """The text of each block as it is drawn."""
    return [_shown(token) for token in markdown_parser().parse(printable(markdown)) if _has_text(token)]


def _has_text(token: Token) -> bool:
    return token.type == "inline" or token.type in BLOCKS_OF_TEXT


def _shown(token: Token) -> str:
    if token.type != "inline":
        return token.content.rstrip("\n")
    return "".join(_letters(token.children or ()))


def _letters(children: Iterable[Token]) -> Iterable[str]:
    for child in children:
        if child.type in SHOWN:
            yield "\n" if child.type == "hardbreak" else child.content
        elif child.type == "image":
            yield child.content
