"""The line of a text that a search shows."""

from __future__ import annotations

import re
from itertools import accumulate

from autoglm_lite.chat.history.words import EMOJI, NO_SPACES, WORD, folded

BEFORE, AFTER = 30, 130
"""Characters around the first place."""
FAR = 4 * AFTER
"""Where no place is looked for any more: white space is drawn together, and folded texts may be longer."""
LETTER = f"[^\\W_{NO_SPACES}{EMOJI}]"


def snippet(text: str, chunks: list[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """One line of `text` around the first place of any of `chunks`, and all their places in it."""
    places = _places(text, chunks)
    first = places[0][0] if places else 0
    begin = 0 if first <= BEFORE else first - BEFORE
    end = begin + BEFORE + AFTER
    line, marked, at = "…" if begin else "", [], begin
    for start, stop in [*(p for p in places if p[0] < end), (end, end)]:
        line = _joined(line, text[at:start])
        if start < stop:
            joined = _joined(line, text[start : min(stop, end)])
            marked.append((len(line), len(joined)))
            line = joined
        at = min(stop, end)
    line = line.rstrip()
    kept = tuple((a, min(b, len(line))) for a, b in marked if a < len(line) and a < b)
    return line + ("…" if end < len(text) else ""), kept


def _places(text: str, chunks: list[str]) -> list[tuple[int, int]]:
    """Of those near the first one, in order and apart from each other."""
    plain = folded(text)
    firsts: list[int] = []
    patterns: list[re.Pattern[str]] = []
    for chunk in map(folded, chunks):
        for pattern in (_pattern(chunk), re.compile(re.escape(chunk))):
            if first := pattern.search(plain):
                firsts.append(first.start())
                patterns.append(pattern)
                break
    if not firsts:
        return []
    near = min(firsts)
    found = [match.span() for pattern in patterns for match in pattern.finditer(plain, near, near + FAR)]
    if len(plain) != len(text):
        # Where each character of the folded text comes from.
        ends = list(accumulate(len(folded(c)) for c in text))
        origin = [n for n, (a, b) in enumerate(zip([0, *ends], ends, strict=False)) for _ in range(b - a)]
        found = [(origin[a], origin[b - 1] + 1) for a, b in found if a < b]
    apart: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if not apart or start >= apart[-1][1]:
            apart.append((start, stop))
    return apart


def _pattern(chunk: str) -> re.Pattern[str]:
    """The words of a chunk after each other, the last of them perhaps longer."""
    words = WORD.findall(chunk)
    if not words:
        return re.compile(re.escape(chunk))
    between = rf"(?!{LETTER})[\W_]*"
    spaced = [re.escape(word) if re.match(f"[{NO_SPACES}{EMOJI}]", word) else rf"(?<!{LETTER}){word}" for word in words]
    return re.compile(between.join(spaced))


def _joined(line: str, text: str) -> str:
    """White space is one space, and none begins the line."""
    more = " ".join(f"|{text}|".split())[1:-1]
    return line + (more.lstrip() if not line or line.endswith((" ", "…")) else more)
