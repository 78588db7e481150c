"""Text of a model, a user or a file made safe to show."""

from __future__ import annotations

_CONTROLS = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"}
# Python and Textual break lines at these, Markdown's parser does not; their line numbers must agree.
_BREAKS = dict.fromkeys(map(ord, "\u2028\u2029\x0b\x0c\x85"), "\n")
# Half of a surrogate pair is no character: no terminal can be sent one.
_HALVES = dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
_MADE_SAFE = {**_CONTROLS, **_BREAKS, **_HALVES}


def printable(text: str) -> str:
    """`text` without control characters, which could steer the terminal; every line break becomes a newline.

    Works character by character, so pieces can be cleaned before or after they are joined.
    """
    return text.translate(_MADE_SAFE)
