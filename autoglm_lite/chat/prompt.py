"""From a conversation to the text that the model continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoglm_lite.chat.template import ChatTemplate, TemplateRefusedError

if TYPE_CHECKING:
    from autoglm_lite.chat.history import Message, State


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came back."""

    question: str
    answer: str = ""
    reasoning: str = ""
    state: State = "cut off"
    """How the answer ended."""
    model: str | None = None
    """The name of the model that wrote the answer."""


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """A question that was never answered makes a turn with an empty answer."""
    turns: list[Turn] = []
    for message in messages:
        if message.role == "user":
            turns.append(Turn(message.content))
        elif turns:
            question = turns.pop().question
            turns.append(Turn(question, message.content, message.reasoning, message.state, message.model))
    return turns


def write_prompt(
    template: ChatTemplate, system: str | None, turns: Sequence[Turn], question: str, thinking: bool | None
) -> str:
    """The template's text for `turns`, which are all answered, and a new question. Raises TemplateError."""
    messages = [{"role": "system", "content": system}] if system else []
    for turn in turns:
        messages.append({"role": "user", "content": turn.question})
        answer = {"role": "assistant", "content": turn.answer}
        messages.append({**answer, "reasoning_content": turn.reasoning} if turn.reasoning else answer)
    messages.append({"role": "user", "content": question})
    try:
        return template.render(messages, thinking=thinking)
    except TemplateRefusedError:
        if not system:
            raise
    # Some models, such as Gemma, know no system prompt: it then opens the first question.
    _, first, *rest = messages
    return template.render([{**first, "content": f"{system}\n\n{first['content']}"}, *rest], thinking=thinking)
