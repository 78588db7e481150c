"""Speculation without a second model: the answer's own words as a guess at what comes next, where guessing pays.

A guess of d tokens is computed together with the last token, in one step of d + 1; as many as the model would have
chosen itself are kept. On a graphics card such a step costs hardly more than one token, on two old cores nearly d + 1
times as much, so that only a measurement on this machine can say whether to guess.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Sequence

LONGEST = 8
"""Tokens that must have come before in the same order; more say no more about what follows."""
LEAST = 3
"""A shorter match is mostly grammar ("of the"), and what follows it is a guess."""
MOST_LOOKED_AT = 32
"""Earlier places that are compared, the latest first."""
SLOTS = 1 << 15
"""Of the hash table: 128 KiB."""


class NGrams:
    """What followed where in the tokens of one answer and its prompt.

    As in LZ77: a table says where a run of LEAST tokens came last, a list where each such place's predecessor is.
    Constant time a token, and 8 bytes for each beside the table.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens = array("i")
        self._last = array("i", [-1]) * SLOTS
        """By the hash of LEAST tokens: the place after their last occurrence."""
        self._before = array("i")
        """By place: the one before it with the same hash, or -1."""
        self.extend(tokens)

    def extend(self, tokens: Sequence[int]) -> None:
        for token in tokens:
            place = len(self._tokens)
            before = -1
            # Only now that something follows them are the tokens before of use.
            if place >= LEAST:
                slot = self._slot()
                before, self._last[slot] = self._last[slot], place
            self._before.append(before)
            self._tokens.append(token)

    def draft(self, most: int) -> list[int]:
        """At most `most` tokens that followed the last occurrence of the longest run that ends the text; none where
        the last LEAST tokens did not come before. A text that repeats itself is taken to go on doing so."""
        if most <= 0 or len(self._tokens) < LEAST:
            return []
        best, longest, place = -1, LEAST - 1, self._last[self._slot()]
        for _ in range(MOST_LOOKED_AT):
            if place < 0 or longest == LONGEST:
                break
            n = self._common(place, longest)
            if n > longest:
                best, longest = place, n
            place = self._before[place]
        if best < 0:
            return []
        drafted: list[int] = []
        n_left = len(self._tokens) - best
        for i in range(most):
            drafted.append(self._tokens[best + i] if i < n_left else drafted[i - n_left])
        return drafted

    def _slot(self) -> int:
        return hash(tuple(self._tokens[-LEAST:])) % SLOTS

    def _common(self, place: int, at_least: int) -> int:
        """How many tokens before `place` are those that end the text, up to LONGEST; less than `at_least` is 0."""
        tokens, end = self._tokens, len(self._tokens)
        most = min(LONGEST, place)
        if tokens[place - at_least : place] != tokens[end - at_least :]:
            return 0
        n = at_least
        while n < most and tokens[place - 1 - n] == tokens[end - 1 - n]:
            n += 1
        return n


WIDTHS = (1, 3, 7, 15)
"""Drafted tokens: with the last one 2, 4, 8 or 16 are computed, which suits the kernels (rows in fours or eights). More
would need room for more rows of logits: 0.6 MB each for a vocabulary of 152k."""
MARGIN = 1.05
"""Gain from which speculation is on."""
SHARE = 0.02
"""Of the time of plain steps that tries may cost."""
MOST_SAVED, MOST_GAINED = 8.0, 64.0
"""Plain steps' time that may be saved up for tries: from SHARE, and from what speculation has gained."""
REMEMBERED = 0.9
"""Of what is known of acceptance, from one draft to the next: texts change."""
SHORTEST_WAIT, LONGEST_WAIT = 4, 128
"""Plain steps between tries where drafts are refused."""
DRAFTS_IN_A_ROW = 64
"""Then a plain step, to know what one costs now."""
STEPS_KNOWN = 4000
"""Steps until costs are measured anew: the machine may be on battery by now."""


class Gate:
    """How many tokens to draft, from what steps have cost and which drafts were accepted; of one loaded model.

    All costs are in units of a plain step now, so that depth and throttling, which slow all steps, cancel out. Tries
    are paid from an account that plain steps fill by SHARE of their time and gains fill too: that bounds what
    speculation can lose, whatever the estimates say. `took` of a step comes before its `verified`.
    """

    def __init__(self) -> None:
        self._plain: deque[float] = deque(maxlen=9)
        self._costs: dict[int, float] = {}
        """By tokens in a step."""
        self._accepted = self._refused = 0.0
        self._account = 0.0
        self._wait, self._since = SHORTEST_WAIT, 0
        self._in_a_row = 0
        self._n_steps = 0
        self._step: tuple[int, float] | None = None

    def took(self, n_tokens: int, seconds: float) -> None:
        """A step that computed `n_tokens` of one answer alone took `seconds`."""
        self._n_steps += 1
        if self._n_steps % STEPS_KNOWN == 0:
            self._costs.clear()
        if n_tokens == 1:
            self._plain.append(seconds)
            self._since += 1
            self._in_a_row = 0
            self._account = max(self._account, min(self._account + SHARE, MOST_SAVED))
        elif self._plain:
            cost = min(seconds / max(_median(self._plain), 1e-9), 2.0 * n_tokens)
            known = self._costs.get(n_tokens, cost)
            # A step that another program interrupted says little.
            self._costs[n_tokens] = known + (min(cost, 1.5 * known) - known) / 4
            self._step = n_tokens, cost

    def verified(self, n_drafted: int, n_accepted: int) -> None:
        """Of a draft of `n_drafted` tokens the first `n_accepted` were what the model chose."""
        if n_drafted <= 0:
            return
        refused = n_accepted < n_drafted
        self._accepted = self._accepted * REMEMBERED + n_accepted
        self._refused = self._refused * REMEMBERED + refused
        self._wait = min(self._wait * 2, LONGEST_WAIT) if refused else max(self._wait // 2, SHORTEST_WAIT)
        self._since = 0 if refused else self._wait
        self._in_a_row += 1
        if self._step is not None and self._step[0] == n_drafted + 1:
            self._account = min(self._account + 1 + n_accepted - self._step[1], MOST_GAINED)
        self._step = None

    def width(self) -> int:
        """How many tokens to draft next; 0 where that would not pay."""
        if len(self._plain) < 3 or self._in_a_row >= DRAFTS_IN_A_ROW:
            return 0
        best, best_gain, hope, saving = 0, MARGIN, False, False
        for n in WIDTHS:
            # A width that was not tried is hoped to be cheap, and paid as if it were dear.
            least, most = self._cost(n + 1)
            gain, loss = self._expected(n) / least, most - self._expected(n)
            if gain > best_gain and loss <= self._account:
                best, best_gain = n, gain
            hope = hope or (n + 1) / least > MARGIN
            saving = saving or (gain > MARGIN and self._account < loss <= MOST_SAVED)
        if best == 0 and hope and not saving and self._since >= self._wait and self._cost(2)[1] - 1 <= self._account:
            return 1
        return best

    def _expected(self, n_drafted: int) -> float:
        """Tokens from a step with such a draft, if each is accepted as likely as those before."""
        likely = (self._accepted + 0.5) / (self._accepted + self._refused + 1)
        return sum(likely**k for k in range(n_drafted + 1))

    def _cost(self, n_tokens: int) -> tuple[float, float]:
        """Least and most that a step of so many tokens may cost: the same where it was measured, else what a
        narrower one costs, and that for each of its tokens."""
        if n_tokens in self._costs:
            return self._costs[n_tokens], self._costs[n_tokens]
        narrower = max((n for n in self._costs if n < n_tokens), default=1)
        cost = self._costs.get(narrower, 1.0)
        return cost, cost * n_tokens / narrower


def _median(values: Collection[float]) -> float:
    """The statistics module takes 10 ms to import."""
    return sorted(values)[len(values) // 2]
