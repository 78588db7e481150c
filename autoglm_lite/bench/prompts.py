"""Texts of random words with as many tokens as are wanted."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable

Count = Callable[[str], Awaitable[int]]
"""How many tokens a text has."""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_PROBE_WORDS = 64
_PAD = " a"
_ATTEMPTS = 8


async def words(seed: str, n_tokens: int, count: Count) -> str:
    """The same for the same `seed`, each word after a space, of `n_tokens` or a few less."""
    draw = random.Random(seed)
    each = [" " + "".join(draw.choices(_LETTERS, k=draw.randint(2, 6))) for _ in range(max(n_tokens, _PROBE_WORDS))]
    a_word = max(await count("".join(each[:_PROBE_WORDS])) / _PROBE_WORDS, 0.1)
    n_words = min(max(round(n_tokens / a_word), 1), len(each))
    text = "".join(each[:n_words])
    for _ in range(_ATTEMPTS):
        missing = n_tokens - await count(text)
        if missing >= 0 or n_words == 1:
            break
        n_words = max(n_words - math.ceil(-missing / a_word), 1)
        text = "".join(each[:n_words])
    # Single letters are a token each nearly everywhere.
    padded = text + _PAD * max(missing, 0)
    return padded if await count(padded) <= n_tokens else text
