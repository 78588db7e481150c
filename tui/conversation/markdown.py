"""Finished Markdown as widgets."""

from __future__ import annotations

from typing import ClassVar

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

    BLOCKS: ClassVar = dict(Markdown.BLOCKS)

    def __init__(self, text: str) -> None:
        super().__init__(text, parser_factory=markdown_parser, open_links=False)

    def unhandled_token(self, token: Token) -> MarkdownBlock | None:
        return MathsBlock(self, token) if token.type == "math_block" else None
