"""The tokens of a text as parts of sheets, with the blocks of code between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from textual.content import Content

from tui.conversation.columns import Alignment
from tui.conversation.sheet import Blank, Paragraph, Part, Rule, Table

if TYPE_CHECKING:
    from markdown_it.token import Token

LISTS = ("bullet_list_open", "ordered_list_open")
CODE = ("fence", "code_block")
BULLETS = ("• ", "▪ ", "‣ ", "⭑ ", "◦ ")
"""By level."""
BAR = "▌ "
INDENT = "  "
"""Of a formula on lines of its own."""
LONG_ENOUGH = 4000
"""Letters of a sheet after which another one is begun with the next block: of a sheet in view all lines are drawn."""


@dataclass(slots=True)
class Sheet:
    parts: list[Part] = field(default_factory=list)
    texts: list[Content] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Code:
    """Has a widget of its own, so that it is coloured and can be copied."""

    code: str
    language: str
    """As it is named; may be empty."""
    indent: int
    """Cells."""


@dataclass(slots=True)
class _Frame:
    """A list item or a quote that is open."""

    first: Content
    rest: Content
    begun: bool = False
    last: str = ""
    """The kind of the block before, in it."""


class Outline:
    """Of the tokens of whole blocks; `content_of` makes the text of an inline token."""

    def __init__(self, content_of: Callable[[Token], Content]) -> None:
        self._content_of = content_of
        self._found: list[Sheet | Code] = []
        self._frames: list[_Frame] = []
        self._markers: list[list[str]] = []
        """Of the lists that are open, for the items that are still to come."""
        self._style = ""
        self._columns: list[Alignment] = []
        self._table_begin = self._n_rows = 0

    def read(self, tokens: Sequence[Token]) -> list[Sheet | Code]:
        for at, token in enumerate(tokens):
            self._come_to(token)
            match token.type:
                case "bullet_list_open" | "ordered_list_open":
                    self._markers.append(_markers(tokens, at, len(self._markers)))
                case "bullet_list_close" | "ordered_list_close":
                    self._markers.pop()
                case "list_item_open":
                    marker = self._markers[-1].pop(0)
                    self._frames.append(_Frame(Content.styled(marker, ".bullet"), Content(" " * len(marker))))
                case "blockquote_open":
                    bar = Content.styled(BAR, ".bar")
                    self._frames.append(_Frame(bar, bar))
                case "list_item_close" | "blockquote_close":
                    if not self._frames[-1].begun:
                        self._add(Blank(*self._put()))
                    self._frames.pop()
                case "heading_open":
                    self._style = ".heading" if self._frames else f".{token.tag}"
                case "heading_close":
                    self._style = ""
                case "table_open":
                    self._columns, self._n_rows = [], -1
                    self._table_begin = len(self._sheet().texts)
                case "tr_open":
                    self._n_rows += 1
                case "th_open":
                    self._columns.append(_alignment(token))
                case "table_close":
                    columns = tuple(self._columns)
                    self._add(Table(*self._put(), self._table_begin, self._n_rows, columns))
                    self._columns = []
                case "inline":
                    self._text(self._content_of(token))
                case "math_block":
                    self._text(Content(token.content.rstrip("\n")), "" if self._frames else INDENT)
                case "hr":
                    self._add(Rule(*self._put()))
                case "fence" | "code_block":
                    if self._frames and not self._frames[-1].begun:
                        self._add(Blank(*self._put()))
                    indent = sum(frame.rest.cell_length for frame in self._frames)
                    self._found.append(Code(token.content.rstrip(), token.info.partition(" ")[0], indent))
        return self._found

    def _come_to(self, token: Token) -> None:
        """An empty line before a block that comes after another one, but within a block not where lists begin and
        end."""
        if not token.level and token.nesting >= 0 and token.type not in CODE:
            self._separate()
        if token.nesting < 0 or not self._frames or not token.block or token.type in ("inline", "list_item_open"):
            return
        if token.type in ("thead_open", "tbody_open", "tr_open", "th_open", "td_open"):
            return
        frame = self._frames[-1]
        kinds = (frame.last, token.type)
        if frame.last and not any(kind in (*LISTS, *CODE) for kind in kinds):
            self._add(Blank(*self._put()))
        frame.last = token.type

    def _separate(self) -> None:
        """Before a block that is in no other."""
        last = self._found[-1] if self._found else None
        if isinstance(last, Sheet):
            if sum(map(len, last.texts)) < LONG_ENOUGH:
                self._add(Blank(*self._put()))
            else:
                self._found.append(Sheet())

    def _text(self, content: Content, indent: str = "") -> None:
        sheet = self._sheet()
        sheet.texts.append(content.stylize(self._style) if self._style else content)
        if not self._columns:
            first, rest = self._put()
            self._add(Paragraph(first + indent, rest + indent, len(sheet.texts) - 1))

    def _put(self) -> tuple[Content, Content]:
        """What is put before the next part; bullets are put once."""
        first, rest = Content(""), Content("")
        for frame in self._frames:
            first += frame.rest if frame.begun else frame.first
            rest += frame.rest
            frame.begun = True
        return first, rest

    def _add(self, part: Part) -> None:
        self._sheet().parts.append(part)

    def _sheet(self) -> Sheet:
        """The open one; another one is begun after code."""
        last = self._found[-1] if self._found else None
        if isinstance(last, Sheet):
            return last
        sheet = Sheet()
        self._found.append(sheet)
        return sheet


def _alignment(token: Token) -> Alignment:
    style = str(token.attrs.get("style", ""))
    return "right" if "right" in style else "center" if "center" in style else "left"


def _markers(tokens: Sequence[Token], at: int, level: int) -> list[str]:
    """Bullets of this level; or numbers as they were written, where they grow, below each other."""
    opened, items = tokens[at], []
    for token in tokens[at + 1 :]:
        if token.level <= opened.level:
            break
        if token.level == opened.level + 1 and token.type == "list_item_open":
            items.append(token)
    if opened.type == "bullet_list_open":
        return [BULLETS[level % len(BULLETS)]] * len(items)
    written = [int(item.info) for item in items]
    if any(later <= earlier for earlier, later in pairwise(written)):
        written = list(range(written[0], written[0] + len(written)))
    numbers = [f"{number}{item.markup}" for number, item in zip(written, items, strict=True)]
    width = max(map(len, numbers))
    return [f"{number.rjust(width)} " for number in numbers]
