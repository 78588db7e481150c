"""From a conversation to the text that the model continues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autoglm_lite.chat.attachments import Attachment, with_attachments
from autoglm_lite.chat.template import ChatTemplate, TemplateRefusedError

if TYPE_CHECKING:
    from autoglm_lite.chat.history import State


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
    attachments: tuple[Attachment, ...] = ()
    """What goes with the question."""
    question_id: int | None = None
    """Its message on disk."""
    answer_id: int | None = None
    """The same of the answer; None while nothing of it is on disk."""
    version: tuple[int, int] = (1, 1)
    """Which of how many questions that stand in this place: its edits."""
    answer_version: tuple[int, int] = (1, 1)
    """Which of how many answers to this question."""

    @property
    def asked(self) -> str:
        """The question as the model reads it."""
        return with_attachments(self.question, self.attachments)


def write_prompt(template: ChatTemplate, system: str | None, turns: Sequence[Turn], thinking: bool | None) -> str:
    """The template's text for `turns`, all answered but the last one, whose answer begins where it ends. Raises
    TemplateError."""
    messages = [{"role": "system", "content": system}] if system else []
    for turn in turns[:-1]:
        messages.append({"role": "user", "content": turn.asked})
        answer = {"role": "assistant", "content": turn.answer}
        messages.append({**answer, "reasoning_content": turn.reasoning} if turn.reasoning else answer)
    messages.append({"role": "user", "content": turns[-1].asked})
    try:
        return template.render(messages, thinking=thinking)
    except TemplateRefusedError:
        if not system:
            raise
    # Some models, such as Gemma, know no system prompt: it then opens the first question.
    _, first, *rest = messages
    return template.render([{**first, "content": f"{system}\n\n{first['content']}"}, *rest], thinking=thinking)
