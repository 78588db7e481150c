"""Finished Markdown as widgets."""

from __future__ import annotations

from textual.widget import Widget

from tui.conversation.block import SheetBlock
from tui.conversation.code import CodeBlock
from tui.conversation.inline import content_of
from tui.conversation.outline import Code, Outline
from tui.conversation.stream import markdown_parser


def widgets_of(text: str) -> list[Widget]:
    """A sheet for what is between two blocks of code, or several where it is long."""
    return [
        CodeBlock(found.code, found.language, found.indent) if isinstance(found, Code) else SheetBlock(found)
        for found in Outline(content_of).read(markdown_parser().parse(text))
    ]
