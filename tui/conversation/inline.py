"""What is in one paragraph, heading or cell as a text with styles."""

from __future__ import annotations

import re

from markdown_it.token import Token
from textual.content import Content, Span
from textual.style import Style

WHITE = re.compile(r"\s+")
PICTURE = "🖼  "
"""Before what is said of an image, which is not drawn."""
MARKS = {"em_open": ".em", "strong_open": ".strong", "s_open": ".s"}


def content_of(token: Token) -> Content:
    """Of an inline token. Its styles are component classes of what it is drawn in; a click on a link says where it
    leads."""
    pieces: list[str] = []
    spans: list[Span] = []
    opened: list[tuple[int, Style | str]] = []
    at = 0
    style: Style | str | None
    for child in token.children or ():
        text, style = "", None
        match child.type:
            case "text":
                text = WHITE.sub(" ", child.content)
            case "hardbreak":
                text = "\n"
            case "code_inline":
                text, style = child.content, ".code"
            case "image":
                text, style = PICTURE + child.content, _leading_to(child.attrs.get("src", ""))
            case "link_open":
                opened.append((at, _leading_to(child.attrs.get("href", ""))))
            case kind if kind in MARKS:
                opened.append((at, MARKS[kind]))
            case kind if kind.endswith("_close"):
                begin, mark = opened.pop()
                spans.append(Span(begin, at, mark))
        if style is not None:
            spans.append(Span(at, at + len(text), style))
        pieces.append(text)
        at += len(text)
    return Content("".join(pieces), spans=spans)


def _leading_to(address: object) -> Style:
    return Style.from_meta({"@click": f"app.show_address({str(address)!r})"})
