"""Finished Markdown as widgets."""

from __future__ import annotations

import asyncio

from markdown_it.token import Token
from textual.content import Content
from textual.widgets import Markdown
from textual.widgets.markdown import MarkdownBlock

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

    def unhandled_token(self, token: Token) -> MarkdownBlock | None:
        return MathsBlock(self, token) if token.type == "math_block" else None
