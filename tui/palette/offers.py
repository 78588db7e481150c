"""What the palette and the slash commands offer: the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from textual.content import Content

from tui.actions.action import Action, key_name
from tui.words import Words

IN_THE_BOX_ALONE = {"send", "newline", "interrupt", "palette"}
"""What makes sense as a key only."""
GAP = 2
LEAST_FOR_THE_TITLE = 10
"""Cells; where there are fewer, the key is left out."""


def offered(actions: Iterable[Action]) -> list[Action]:
    return [action for action in actions if action.id not in IN_THE_BOX_ALONE]


def fuzzy(query: str, actions: Sequence[Action], words: Words) -> list[Action]:
    """Those whose title, slash word or key have the letters of `query` in this order; the best first."""
    from textual.fuzzy import FuzzySearch

    query = query.strip().lstrip("/")
    if not query:
        return list(actions)
    search = FuzzySearch()

    def score(action: Action) -> float:
        texts = (action.title(words), action.word, *map(key_name, action.keys))
        return max(search.match(query, text)[0] for text in texts)

    scored = [(score(action), action) for action in actions]
    return [action for found, action in sorted(scored, key=lambda pair: -pair[0]) if found > 0]


def beginning(typed: str, actions: Sequence[Action], words: Words) -> list[Action]:
    """Those whose slash word begins with `typed`, then those that have it in their title."""
    typed = typed.lower()
    if not typed:
        # Those of the line of keys first, as what is done most.
        return sorted(actions, key=lambda action: (99 if action.rank is None else action.rank, action.word))
    first = sorted((action for action in actions if action.word.startswith(typed)), key=lambda action: action.word)
    return first + [a for a in actions if a not in first and typed in a.title(words).lower()]


def line(action: Action, words: Words, width: int, n_word: int) -> Content:
    """`/word  what it does      its key` in `width` cells, the words padded to `n_word` cells."""
    word = f"/{action.word}"
    key = key_name(action.keys[0]) if action.keys else ""
    room = width - max(n_word, cell_len(word)) - 2 * GAP
    if room - cell_len(key) < LEAST_FOR_THE_TITLE:
        key = ""
    room -= cell_len(key)
    title = fitted(action.title(words), max(room, 0))
    return Content.assemble(
        (word.ljust(n_word), "bold"), " " * GAP, title, " " * (room - cell_len(title) + GAP), (key, "$text-muted")
    )


def fitted(text: str, width: int) -> str:
    """`text` in at most `width` cells."""
    if cell_len(text) <= width:
        return text
    kept = ""
    for letter in text:
        if cell_len(kept + letter) >= width:
            break
        kept += letter
    return f"{kept}…" if width > 0 else ""
