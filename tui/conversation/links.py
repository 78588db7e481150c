"""Where the links of a text lead."""

from __future__ import annotations

from urllib.parse import unquote

from tui.conversation.stream import markdown_parser
from tui.text import printable


def links_in(markdown: str) -> list[str]:
    """Addresses, each once, in their order."""
    found: dict[str, None] = {}
    for token in markdown_parser().parse(printable(markdown)):
        for child in token.children or ():
            address = child.attrs.get("href" if child.type == "link_open" else "src", "")
            if child.type in ("link_open", "image") and address:
                found[unquote(str(address))] = None
    return list(found)
