"""All that a person can have the app do: keys, palette, slash commands and the line of keys are made from this list."""

from __future__ import annotations

from tui.actions import composing, conversing, general, models
from tui.actions.action import Action

ACTIONS: tuple[Action, ...] = (*composing.ACTIONS, *conversing.ACTIONS, *models.ACTIONS, *general.ACTIONS)
BY_ID = {action.id: action for action in ACTIONS}
