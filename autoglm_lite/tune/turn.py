"""The cost that is tuned for: the seconds that a typical turn of a conversation takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

PROMPT_TOKENS = 512
ANSWER_TOKENS = 128


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one measurement, in seconds a token."""

    prefill: float
    decode: float

    @property
    def turn(self) -> float:
        """Seconds for a question of PROMPT_TOKENS and an answer of ANSWER_TOKENS."""
        return PROMPT_TOKENS * self.prefill + ANSWER_TOKENS * self.decode


SLOW = Speed(math.inf, math.inf)
"""Of a measurement that was broken off."""
