"""Finished Markdown as widgets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

from markdown_it.token import Token
from textual.content import Content
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownBlock, MarkdownFence

from tui.conversation.block import SheetBlock
from tui.conversation.outline import SHEETS, Code, Outline
from tui.conversation.stream import markdown_parser


class MathsBlock(MarkdownBlock):
    """A formula on lines of its own, as it was written."""

    def __init__(self, markdown: Markdown, token: Token) -> None:
        super().__init__(markdown, token)
        self.set_content(Content(token.content.rstrip("\n")))


class Rendered(Markdown):
    """No click opens a link: it says where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__(text, parser_factory=markdown_parser, open_links=False)
        self.drawn = asyncio.Event()
        """Set once all blocks have their widgets."""

    def on_markdown_table_of_contents_updated(self, event: Markdown.TableOfContentsUpdated) -> None:
        # This is said when an update has ended.
        event.stop()
        self.drawn.set()

    def _parse_markdown(self, tokens: Iterable[Token]) -> Iterator[MarkdownBlock]:
        for group in _blocks(tokens):
            if group[0].type in SHEETS:
                yield from self._sheets(group)
            else:
                yield from super()._parse_markdown(group)

    def _sheets(self, tokens: list[Token]) -> Iterator[MarkdownBlock]:
        writer = MarkdownBlock(self, tokens[0])
        for found in Outline(writer._token_to_content).read(tokens):
            if isinstance(found, Code):
                code = MarkdownFence(self, found.token, found.token.content.rstrip())
                code.styles.padding = (0, 0, 0, found.indent)
                yield code
            else:
                yield SheetBlock(self, found)

    def unhandled_token(self, token: Token) -> MarkdownBlock | None:
        return MathsBlock(self, token) if token.type == "math_block" else None


def _blocks(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """The tokens of each top-level block."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []
