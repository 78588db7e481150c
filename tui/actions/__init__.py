"""All that a person can have the app do: keys, palette, slash commands and the line of keys are made from this list."""

from __future__ import annotations

from types import ModuleType

from tui.actions import (
    branching,
    browsing,
    commanding,
    composing,
    conversing,
    finding,
    general,
    history,
    machine,
    manners,
    models,
)
from tui.actions.action import Action

_PARTS: tuple[ModuleType, ...] = (
    composing,
    commanding,
    conversing,
    browsing,
    branching,
    finding,
    machine,
    general,
    history,
    models,
    manners,
)
MODULES: dict[str, tuple[Action, ...]] = {part.__name__.rpartition(".")[2]: part.ACTIONS for part in _PARTS}
"""By the part of the app that they belong to."""
ACTIONS: tuple[Action, ...] = tuple(action for actions in MODULES.values() for action in actions)
BY_ID = {action.id: action for action in ACTIONS}
