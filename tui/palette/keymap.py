"""Keys of one's own: a TOML file that names actions and keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from textual.keys import KEY_NAME_REPLACEMENTS, KEY_TO_UNICODE_NAME, Keys

from tui import toml
from tui.actions.action import Action, key_name
from tui.words.palette import Words

FILE = "keys.toml"
NO_KEY = "<ignore>"
"""Stands in a keymap of Textual, which knows no empty entry, for an action without a key; no terminal sends it."""
BOX = ("send", "newline")
"""Actions of the box, which it listens for itself."""
MODIFIERS = ("alt", "ctrl", "shift", "super")
OTHER_NAMES = {
    **{"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown", "pgdown": "pagedown"},
    **{"del": "delete", "ins": "insert", "control": "ctrl", "option": "alt"},
}
SENT_AS_ANOTHER = {"ctrl+m": "enter", "ctrl+i": "tab", "ctrl+h": "backspace", "ctrl+[": "escape"}
"""Terminals cannot tell these apart."""
NAMED = {
    *(key.value.rpartition("+")[2] for key in Keys if key.value.replace("+", "").isalnum()),
    *(KEY_NAME_REPLACEMENTS.get(name, name) for name in KEY_TO_UNICODE_NAME),
}
ALONE = {*(f"f{n}" for n in range(1, 25)), "escape", "pageup", "pagedown", "insert"}
"""Keys that need no modifier: neither typed nor needed to move in the box."""
ALONE_IN_THE_BOX = {*ALONE, "enter", "tab"}


@dataclass(frozen=True, slots=True)
class Keymap:
    """The actions with the keys that hold now, and a sentence for each mistake in the file."""

    actions: tuple[Action, ...]
    remarks: tuple[str, ...] = ()

    def for_textual(self, usual: Sequence[Action]) -> dict[str, str]:
        """What differs from `usual`, as App.set_keymap takes it."""
        before = bindings(usual)
        return {name: keys for name, keys in bindings(self.actions).items() if keys != before[name]}

    def over(self, keys: Mapping[str, str], usual: Sequence[Action]) -> dict[str, str]:
        """`keys` of a list, from each to an action's id, with those that are not `usual` in place of theirs."""
        before = {action.id: action.keys for action in usual}
        changed = {a.id: a.keys for a in self.actions if not a.bound and a.keys != before[a.id]}
        kept = {key: name for key, name in keys.items() if name not in changed}
        mine = {key: name for name in changed if name in keys.values() for key in changed[name]}
        return {**kept, **mine}

    def key_of(self, action: str) -> str:
        """The key of an action, by its id, as it is printed on keyboards; without one, its slash command."""
        found = next(one for one in self.actions if one.id == action)
        return key_name(found.keys[0]) if found.keys else f"/{found.word}"

    def in_the_box(self) -> dict[str, str]:
        """Which of the box's own actions each key stands for."""
        return {key: action.id for action in self.actions if action.id in BOX for key in action.keys}


def bindings(actions: Sequence[Action]) -> dict[str, str]:
    """The keys of what the app listens for everywhere, as Textual's bindings name them."""
    return {action.id: ",".join(action.keys) or NO_KEY for action in actions if action.bound}


def read_keymap(path: Path, actions: Sequence[Action], words: Words) -> Keymap:
    """The keys that the file at `path` asks for; a file that is missing asks for none. Never raises: what cannot be
    used is said, and left as it was."""
    try:
        wishes = toml.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Keymap(tuple(actions))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Keymap(tuple(actions), (words.keys_unreadable.format(path=path, why=why),))
    return remapped(actions, wishes, words)


def remapped(actions: Sequence[Action], wishes: Mapping[str, object], words: Words) -> Keymap:
    """`actions` with the keys that `wishes`, from ids to a key or a list of keys, give them."""
    remarks: list[str] = []
    by_name = {name: action for action in actions for name in (action.word, action.id)}
    chosen: dict[str, tuple[str, ...]] = {}
    owners: dict[str, str] = {}
    for name, wish in wishes.items():
        action = by_name.get(name)
        if action is None:
            remarks.append(words.unknown_action.format(name=name))
            continue
        listed = wish if isinstance(wish, list) else [wish]
        keys: list[str] = []
        for text in listed:
            key = normal(text) if isinstance(text, str) else None
            if key is None or not _usable(key, action):
                remarks.append(words.unknown_key.format(key=text, name=name))
            elif _is_shared(action) and owners.setdefault(key, action.id) != action.id:
                remarks.append(words.doubled_key.format(key=key_name(key), first=owners[key], name=name))
            elif key not in keys:
                keys.append(key)
        if keys or not listed:
            chosen[action.id] = tuple(keys)
    found: list[Action] = []
    for action in actions:
        keys = list(chosen.get(action.id, action.keys))
        if action.id not in chosen and _is_shared(action):
            for key in [key for key in keys if owners.get(key, action.id) != action.id]:
                keys.remove(key)
                remarks.append(words.doubled_key.format(key=key_name(key), first=owners[key], name=action.id))
        found.append(replace(action, keys=tuple(keys)))
    return Keymap(tuple(found), tuple(remarks))


def normal(text: str) -> str | None:
    """A key as Textual names it: `Ctrl+PgUp` is `ctrl+pageup`, `[` is `left_square_bracket`; None if it is none."""
    text = text.strip()
    if len(text) == 1 and text.isascii() and text.isprintable():
        # A letter alone keeps its case: G is another key than g.
        name = unicodedata.name(text).lower().replace(" ", "_").replace("-", "_")
        return text if text.isalnum() else KEY_NAME_REPLACEMENTS.get(name, name)
    if text.lower().replace(" ", "") in SENT_AS_ANOTHER:
        return None
    *modifiers, base = (OTHER_NAMES.get(part, part) for part in text.lower().replace(" ", "").split("+"))
    if any(modifier not in MODIFIERS for modifier in modifiers):
        return None
    if base not in NAMED and not (len(base) == 1 and base.isascii() and base.isalnum()):
        return None
    return "+".join([*sorted(set(modifiers)), base])


def _usable(key: str, action: Action) -> bool:
    """Whether it may stand for `action` without taking from the box what is typed there."""
    modifiers = key.split("+")[:-1]
    if not _is_shared(action):
        return True
    if action.id in BOX:
        return key in ALONE_IN_THE_BOX or bool(modifiers and modifiers != ["shift"]) or key == "shift+enter"
    return key in ALONE or bool(set(modifiers) - {"shift"}) or (key.split("+")[-1] in ALONE)


def _is_shared(action: Action) -> bool:
    """Whether its keys are heard beside those of all others; a list's own may be another list's as well."""
    return action.bound or action.id in BOX
