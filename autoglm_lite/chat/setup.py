"""What a face needs to hold a conversation, decided once from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoglm_lite.generation import RANGES, WHOLE_RANGES, Sampling

if TYPE_CHECKING:
    from autoglm_lite.chat.history import Conversation, History
    from autoglm_lite.chat.template import ChatTemplate
    from autoglm_lite.gguf.facts import ModelFacts


ADVISED = {"temp": "temperature", "penalty_repeat": "repeat_penalty", "penalty_last_n": "repeat_last_n"}
"""llama.cpp's names for sampling in a GGUF that are not ours."""


@dataclass(frozen=True, slots=True)
class ChatSetup:
    """A model and how it is to answer.

    The face that is given one owns `template` and `history` while it runs, and closes neither.
    """

    n_ctx: int
    """Tokens that the context holds, as expected before the model is loaded."""
    facts: ModelFacts
    history: History
    template: ChatTemplate | None
    """None: the model has none, so it continues the last message as plain text."""
    sampling: Sampling
    conversation: Conversation | None = None
    """The one to go on with; None begins a new one with the first question."""
    system: str | None = None
    """Replaces the conversation's own when given."""
    max_tokens: int | None = None
    """Of one answer, reasoning included; None: until the model stops or the context is full."""
    thinking: bool | None = None
    """Given to the template as `enable_thinking`; None leaves it to the model."""
    thinking_tokens: int | None = None
    """Reasoning is ended after so many tokens."""
    notices: tuple[str, ...] = ()
    """Sentences to show once, before the first question."""


def model_sampling(advice: Mapping[str, float]) -> Sampling:
    """The sampling that a GGUF advises (`general.sampling.*`, named as in llama.cpp), llama.cpp's own for the rest and
    where the advice makes no sense."""
    found: dict[str, Any] = {}
    for name, value in advice.items():
        field = ADVISED.get(name, name)
        least, most = WHOLE_RANGES.get(field) or RANGES.get(field) or (1, 0)
        if least <= value <= most:
            found[field] = int(value) if field in WHOLE_RANGES else float(value)
    return Sampling(**found)
