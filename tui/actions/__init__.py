"""All that a person can have the app do: keys, palette, slash commands and the line of keys are made from this list."""

from __future__ import annotations

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
    models,
)
from tui.actions.action import Action

ACTIONS: tuple[Action, ...] = (
    *composing.ACTIONS,
    *commanding.ACTIONS,
    *conversing.ACTIONS,
    *browsing.ACTIONS,
    *branching.ACTIONS,
    *finding.ACTIONS,
    *machine.ACTIONS,
    *general.ACTIONS,
    *history.ACTIONS,
    *models.ACTIONS,
)
BY_ID = {action.id: action for action in ACTIONS}
