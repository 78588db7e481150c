"""A machine and a text on which the gate of speculation is tried: what a step costs there, and which drafts hold.

`python -m tests.engine.speculating` prints the table of docs/sampling.md.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from autoglm_lite.engine.speculation import WIDTHS, Gate

Curve = Callable[[int], float]
"""Seconds of a step by its tokens."""

MEASURED = {1: 34, 2: 67, 4: 112, 8: 238, 16: 309}
"""Milliseconds: a 1.5B model at Q4_K_M on two cores."""


def old_cores(n: int) -> float:
    below, above = max(k for k in MEASURED if k <= n), min(k for k in MEASURED if k >= n)
    share = (n - below) / max(above - below, 1)
    return (MEASURED[below] + share * (MEASURED[above] - MEASURED[below])) / 1000


CURVES: dict[str, Curve] = {
    "each token costs 1.1 times one": lambda n: 0.034 * (1 + 1.1 * (n - 1)),
    "as much as one": lambda n: 0.034 * n,
    "two cores, measured": old_cores,
    "half of one": lambda n: 0.034 * (1 + 0.5 * (n - 1)),
    "a quarter": lambda n: 0.034 * (1 + 0.25 * (n - 1)),
    "2 %: a graphics card": lambda n: 0.034 * (1 + 0.02 * (n - 1)),
}


@dataclass(frozen=True)
class Kind:
    """A text that copies what was before for about `copied` tokens, then says something new for about `new`.

    A drafted token holds with probability `likely` in what is copied and 0.15 in what is new, where three places in
    ten look like one before.
    """

    likely: float = 0.97
    copied: float = 0
    new: float = 0


KINDS = {
    "no draft holds": Kind(0.0, 1e9),
    "half of the tokens": Kind(0.5, 1e9),
    "85 %": Kind(0.85, 1e9),
    "new text, short quotations": Kind(0.97, 20, 400),
    "half copied": Kind(0.97, 300, 300),
    "almost all copied": Kind(0.98, 1000, 50),
    "a loop": Kind(1.0, 1e9),
}


def seconds(curve: Curve, kind: Kind, n_tokens: int, seed: int, *, fixed: int | None = None) -> float:
    """For `n_tokens` tokens, with the gate or always with drafts of `fixed` tokens; steps vary by 5 %."""
    rng, gate = random.Random(seed), Gate()
    done, total, copying, left = 0, 0.0, False, 0
    while done < n_tokens:
        while left <= 0:
            copying = not copying
            left = int(rng.expovariate(1 / max(kind.copied if copying else kind.new, 1e-9)))
        width = gate.width() if fixed is None else fixed
        n_accepted = 0
        if width and (copying or rng.random() < 0.3):
            likely = kind.likely if copying else 0.15
            while n_accepted < min(width, left) and rng.random() < likely:
                n_accepted += 1
        else:
            width = 0
        took = curve(width + 1) * rng.lognormvariate(0, 0.05)
        gate.took(width + 1, took)
        if width:
            gate.verified(width, n_accepted)
        total += took
        done += 1 + n_accepted
        left -= 1 + n_accepted
    return total * n_tokens / done


def compared(curve: Curve, kind: Kind, n_tokens: int = 3000, seeds: int = 5) -> tuple[float, float, float]:
    """Time over that of plain decoding: the gate's mean and worst, and the best fixed width's mean."""
    plain = curve(1) * n_tokens
    gated = [seconds(curve, kind, n_tokens, seed) / plain for seed in range(seeds)]
    best = min(
        mean(seconds(curve, kind, n_tokens, seed, fixed=width) / plain for seed in range(seeds))
        for width in (0, *WIDTHS)
    )
    return mean(gated), max(gated), best


def table() -> str:
    lines = ["| a further token costs | " + " | ".join(KINDS) + " |", "|---|" + "---|" * len(KINDS)]
    for name, curve in CURVES.items():
        cells = ["{:.2f} ({:.2f})".format(*compared(curve, kind)[::2]) for kind in KINDS.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
