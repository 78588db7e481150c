"""What of a conversation the context holds: its latest turns."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from autoglm_lite.chat.continuing import left_open
from autoglm_lite.chat.events import Generates
from autoglm_lite.chat.prompt import Turn, write_prompt
from autoglm_lite.chat.reasoning import Part
from autoglm_lite.chat.setup import ChatSetup
from autoglm_lite.errors import PromptTooLongError


@dataclass(frozen=True, slots=True)
class Fitted:
    prompt: str
    begun: Part | None
    """In the middle of which part the prompt ends; None: where an answer begins."""
    n_forgotten: int
    """Of the answered turns, the oldest, which it leaves out."""


async def fit(
    model: Generates, setup: ChatSetup, system: str | None, earlier: Sequence[Turn], last: Turn, n_forgotten: int
) -> Fitted:
    """The text to continue: `earlier` turns without the `n_forgotten` oldest, or more of them where they leave no room,
    the question of the `last` one, and its answer so far. Raises PromptTooLongError, TemplateError, WorkerDiedError."""
    n_ctx, template = setup.n_ctx, setup.template
    # An unanswered question would make two of the user's messages follow each other, which templates refuse.
    answered = [] if template is None else [turn for turn in earlier if turn.answer]

    async def attempt(n_left_out: int) -> tuple[Fitted, int]:
        if template is None:
            fitted = Fitted(last.asked + last.answer, None, n_left_out)
        else:
            turns = [*answered[n_left_out:], last]
            written = await asyncio.to_thread(write_prompt, template, system, turns, setup.thinking)
            fitted = Fitted(*left_open(written, last.reasoning, last.answer), n_left_out)
        return fitted, len(await model.tokenize(fitted.prompt, templated=template is not None))

    before = min(n_forgotten, len(answered))
    fitted, n_tokens = await attempt(before)
    if n_tokens + _room(setup) > n_ctx and before < len(answered):
        # Half of the context is freed at once: leaving out one turn each time would make the model read nearly
        # all of the rest again for every question, since its cache holds for a common beginning only.
        low, high = before + 1, len(answered)
        while low < high:
            middle = (low + high) // 2
            if (await attempt(middle))[1] <= n_ctx // 2:
                high = middle
            else:
                low = middle + 1
        fitted, n_tokens = await attempt(low)
    if n_tokens >= n_ctx:
        longer = ", or give a larger --ctx" if n_ctx < setup.facts.n_ctx_train else ""
        raise PromptTooLongError(f"The prompt has {n_tokens} tokens but the context holds {n_ctx}: shorten it{longer}.")
    return fitted


def _room(setup: ChatSetup) -> int:
    """Tokens to keep free for the answer."""
    quarter = setup.n_ctx // 4
    return quarter if setup.max_tokens is None else min(quarter, setup.max_tokens)
