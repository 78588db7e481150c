"""An answer that goes on where it ended: its beginning stands at the end of the prompt."""

from __future__ import annotations

from autoglm_lite.chat.reasoning import Part
from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN


def left_open(prompt: str, reasoning: str, answer: str) -> tuple[str, Part | None]:
    """`prompt`, which ends where an answer begins, with what the model thought and said so far; and what it goes on
    with, None where that was nothing."""
    reasoning = reasoning.strip()
    if not reasoning and not answer:
        return prompt, None
    opened = prompt.rstrip().endswith(REASONING_OPEN)
    closed = prompt.rstrip().endswith(REASONING_CLOSE)
    if closed or not (opened or reasoning):
        # A template that has closed the reasoning itself wants none.
        return prompt + answer, "answer"
    if not opened:
        prompt += REASONING_OPEN
    if not prompt.endswith("\n"):
        prompt += "\n"
    if not answer:
        return prompt + reasoning, "reasoning"
    return f"{prompt}{reasoning}\n{REASONING_CLOSE}\n\n{answer}", "answer"
