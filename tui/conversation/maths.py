"""Maths in Markdown, kept as it was written: what is between its signs is neither emphasis nor escaped.

The signs are those of pandoc and of most models: `$...$` and `\\(...\\)` in a line, `$$...$$` and `\\[...\\]` on
lines of their own.
"""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

BLOCK_SIGNS = {"$$": "$$", r"\[": r"\]"}
INLINE_SIGNS = {"$$": "$$", r"\(": r"\)", r"\[": r"\]"}


def add_maths(parser: MarkdownIt) -> None:
    """Has `parser` make `math_block` and `math_inline` tokens, whose content has the signs in it."""
    parser.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.inline.ruler.before("escape", "math_inline", _inline)


def _block(state: StateBlock, first: int, end: int, silent: bool) -> bool:
    """A block of maths begins with a line that has its sign and no end before the line's own; it goes to the line that
    ends with the other sign, or to an empty line, so that a sign which stands for something else takes little with
    it."""
    if state.is_code_block(first):
        return False
    line = _line(state, first)
    sign = next((sign for sign in BLOCK_SIGNS if line.startswith(sign)), None)
    if sign is None:
        return False
    closing = BLOCK_SIGNS[sign]
    if 0 <= line.find(closing, len(sign)) < len(line) - len(closing):
        return False
    if silent:
        return True
    last, closed = first, len(line) >= len(sign) + len(closing) and line.endswith(closing)
    while not closed and last + 1 < end and not state.isEmpty(last + 1) and state.sCount[last + 1] >= state.blkIndent:
        last += 1
        closed = _line(state, last).endswith(closing)
    token = state.push("math_block", "", 0)
    token.content = state.getLines(first, last + 1, state.blkIndent, True)
    token.map = [first, last + 1]
    token.hidden = False
    token.meta = {"closed": closed}
    state.line = last + 1
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()


def _inline(state: StateInline, silent: bool) -> bool:
    end = _end_of_maths(state.src[: state.posMax], state.pos)
    if end is None:
        return False
    if not silent:
        token = state.push("math_inline", "", 0)
        token.content = state.src[state.pos : end]
    state.pos = end
    return True


def _end_of_maths(text: str, start: int) -> int | None:
    """Where the maths ends that begins at `start`, if any does."""
    for sign, closing in INLINE_SIGNS.items():
        if text.startswith(sign, start):
            found = text.find(closing, start + len(sign))
            return found + len(closing) if found > start + len(sign) else None
    if text[start] != "$":
        return None
    # As in pandoc: no space within the signs, no digit after them, so that "$5 and $6" are sums of money.
    found = text.find("$", start + 1)
    while found > 0 and text[found - 1] == "\\":
        found = text.find("$", found + 1)
    if found <= start + 1 or text[start + 1].isspace() or text[found - 1].isspace():
        return None
    return None if text[found + 1 : found + 2].isdigit() else found + 1
