"""How long a model may think before it answers."""

from __future__ import annotations

from typing import Literal

from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN


class Thinking:
    """Follows the text of one answer, and knows whether it is still reasoning."""

    def __init__(self, prompt: str, most: int | None) -> None:
        """`most`: tokens of reasoning; None sets no end to it."""
        self._most = most
        self._stage: Literal["start", "inside", "after"] = "start"
        if prompt.rstrip().endswith(REASONING_OPEN):
            self._stage = "inside"
        self._text = ""
        self._n = 0

    @property
    def inside(self) -> bool:
        return self._stage == "inside"

    @property
    def over(self) -> bool:
        """Whether the reasoning is to be closed now."""
        return self.inside and self._most is not None and self._n >= self._most

    def feed(self, text: str) -> None:
        """What one more token has added to the answer; may be nothing yet."""
        if self._stage == "after":
            return
        self._text += text
        if self._stage == "start":
            said = self._text.lstrip()
            if said.startswith(REASONING_OPEN):
                self._stage, self._text = "inside", said[len(REASONING_OPEN) :]
            elif not REASONING_OPEN.startswith(said):
                self._stage = "after"
            return
        self._n += 1
        if REASONING_CLOSE in self._text:
            self._stage = "after"
        else:
            # All that the closing tag can still be a part of.
            self._text = self._text[-len(REASONING_CLOSE) :]
