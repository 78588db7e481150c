"""All actions with their keys, in groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from tui.actions.action import Action, key_name
from tui.words import Words

GAP = 2


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: tuple[tuple[str, str], ...]
    """Keys, and what they do."""


def groups_of(modules: Mapping[str, Iterable[Action]], keys: Mapping[str, Sequence[str]], words: Words) -> list[Group]:
    """`modules`: actions by the part of the app they belong to; `keys`: those of each action now, by its id."""
    conversing = ("conversing", "browsing", "branching", "finding", "history")
    titles = dict.fromkeys(("composing", "commanding"), words.manners.group_writing)
    titles |= dict.fromkeys(conversing, words.manners.group_conversation)
    groups: dict[str, list[tuple[str, str]]] = {}
    for module, actions in modules.items():
        rows = groups.setdefault(titles.get(module, words.manners.group_other), [])
        for action in actions:
            names = [key_name(key) for key in keys.get(action.id, action.keys)]
            names += [f"/{action.slash}"] if action.slash else []
            if names:
                rows.append((words.manners.between.join(names), action.title(words)))
    return [Group(title, tuple(rows)) for title, rows in groups.items() if rows]


def text_of(groups: Sequence[Group], width: int) -> str:
    """Lines of at most `width` cells where they can be: keys in a column of their own, or on a narrow screen above."""
    widest = max((cell_len(keys) for group in groups for keys, _ in group.rows), default=0)
    lines: list[str] = []
    for group in groups:
        lines += ["", group.title] if lines else [group.title]
        for keys, what in group.rows:
            if widest + GAP + 16 <= width:
                lines.append(f"{keys}{' ' * (widest + GAP - cell_len(keys))}{what}")
            else:
                lines.append(f"{keys}: {what}")
    return "\n".join(lines)
