"""Refuses grammars under which llama.cpp would have to follow too many readings of one text.

llama.cpp keeps a stack for each reading of the answer so far, and when it asks whether a token may follow it walks
each reading of the token by itself, even where two have become the same. Both numbers can double with every
character. So the grammar is explored before llama.cpp sees it: from each set of stacks that can be reached, with a
character of each kind that the set tells apart.

Sets are told apart only above their base, which is what all their stacks have in common: a rule is explored once,
wherever it is used. What can happen when it has ended, alone or with another reading still inside, is then explored
for each place that uses it.
"""

from __future__ import annotations

from collections.abc import Collection

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.machine import Machine, Stack

MAX_STACKS = 400
"""Readings of a text that go on differently; a list of so many words to choose from is still in use."""
MAX_EXCESS = 2000.0
"""Ways to read the next few characters, beyond sqrt(2) for each of them: below 500,000 for a token of 16."""
MAX_RUN_WAYS = 1_000_000
"""Ways to read a character that is repeated 128 times, as in the longest tokens of vocabularies."""
RUN = 128
WORK = 400_000
"""Stacks looked at before we give up: about two seconds on an old processor."""

_DISCOUNT = 0.5**0.5
_TOLD_APART = 3
"""Positions of a stack that tell it from others: a finite number of sets, however deep rules contain themselves."""

_Ways = dict[Stack, float]
"""For each stack in how many ways the last characters lead to it, less the discount."""
_Key = frozenset[tuple[int, ...]]
_Left = dict[tuple[int, ...], float]
"""The ways of readings still inside of a rule that another one has left: positions above the base, lowest first."""


def check_growth(machine: Machine) -> None:
    """Raises UsageError where stacks, or the ways to read a token, grow without bound or are too many."""
    _Exploration(machine).run()


class _Exploration:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.todo: list[_Ways] = []
        # For each set of stacks, as far as we tell them apart: the most stacks and ways seen.
        self.best: dict[_Key, tuple[int, float]] = {}
        self.runs: set[_Key] = set()
        # For each rule one stack for each position that it returns to, and the readings that others leave inside.
        self.bases: dict[int, dict[int, Stack]] = {}
        self.left: dict[int, dict[_Key, _Left]] = {}

    def run(self) -> None:
        self.todo.append({stack: 1.0 for stack in self.machine.start() if stack is not None})
        self.check(self.todo[0])
        while self.todo:
            ways = self.todo.pop()
            if len(ways) == 1:
                (stack,) = ways
                ways = {self.machine.end_of_literal(stack): 1.0}
            base = _base(ways)
            self.count(sum(stack.depth for stack in ways) - (base.depth + 1 if base else 0) * len(ways))
            self.return_to(base)
            if not ways or not self.is_news(ways, base):
                continue
            for active, code_point in self.choices(ways):
                following = self.step({stack: ways[stack] for stack in active})
                if len(active) > 1:
                    self.check_run(active, code_point)
                self.check(following)
                self.todo.append(following)
                self.leave(base, following)

    def step(self, ways: _Ways) -> _Ways:
        """After one more character that all of these accept."""
        found = self.followed(ways)
        total = sum(found.values()) * _DISCOUNT
        if total <= len(found):
            return dict.fromkeys(found, 1.0)
        return {stack: count * _DISCOUNT for stack, count in found.items()}

    def followed(self, ways: _Ways) -> _Ways:
        found: _Ways = {}
        for stack, count in ways.items():
            for following in self.machine.following(stack):
                if following is not None:
                    found[following] = found.get(following, 0.0) + count
        self.count(len(ways) + len(found))
        return found

    def return_to(self, base: Stack | None) -> None:
        """Explores what comes when the rule above this base has ended."""
        if base is None:
            return
        rule = self.machine.called(base)
        bases = self.bases.setdefault(rule, {})
        if base.at not in bases:
            bases[base.at] = base
            self.join(base, {})
            for left in self.left.get(rule, {}).values():
                self.join(base, left)

    def leave(self, base: Stack | None, following: _Ways) -> None:
        """Notes readings that stay inside of the rule above this base while another one leaves it."""
        if base is None:
            return
        inside: _Left = {}
        for stack, count in following.items():
            positions = _above(stack, base)
            if positions is not None:
                inside[positions] = count
        if not inside or len(inside) == len(following):
            return
        rule = self.machine.called(base)
        known = self.left.setdefault(rule, {})
        key = frozenset(inside)
        if key not in known:
            known[key] = inside
            for other in list(self.bases.get(rule, {}).values()):
                self.join(other, inside)

    def join(self, base: Stack, left: _Left) -> None:
        """What comes after a rule, beside readings left inside of it."""
        ways = {stack: 1.0 for stack in self.machine.rest(base) if stack is not None}
        ways.update({self.machine.placed(positions, base): count for positions, count in left.items()})
        self.count(len(ways))
        self.check(ways)
        self.todo.append(ways)

    def check(self, ways: _Ways) -> None:
        if len(ways) > MAX_STACKS:
            self.refuse(ways, f"after one beginning there are more than {MAX_STACKS} ways to go on")
        if sum(ways.values()) > MAX_EXCESS + 4 * len(ways):
            self.refuse(ways, "the same characters can be read in too many ways")

    def refuse(self, ways: _Ways, what: str) -> None:
        name = self.machine.owners[max(ways, key=lambda stack: ways[stack]).at]
        raise UsageError(
            f"The grammar cannot be used: around the rule {name} {what}: "
            "write what alternatives have in common once, and repeat nothing in two ways."
        )

    def is_news(self, ways: _Ways, base: Stack | None) -> bool:
        key = _key(ways, base)
        count, total = len(ways), sum(ways.values())
        best = self.best.get(key)
        if best is not None and count <= best[0] and total <= best[1] * 1.3:
            return False
        self.best[key] = (max(count, best[0]), max(total, best[1])) if best else (count, total)
        return True

    def choices(self, ways: _Ways) -> list[tuple[tuple[Stack, ...], int]]:
        """The sets of stacks that one character may belong to, each with such a character."""
        if len(ways) == 1:
            (stack,) = ways
            return [((stack,), self.machine.chars(stack).ranges[0][0])]
        edges: dict[int, tuple[list[Stack], list[Stack]]] = {}
        for stack in ways:
            for first, last in self.machine.chars(stack).ranges:
                edges.setdefault(first, ([], []))[0].append(stack)
                edges.setdefault(last + 1, ([], []))[1].append(stack)
        active: dict[Stack, None] = {}
        found: dict[frozenset[Stack], int] = {}
        for code_point in sorted(edges):
            begun, ended = edges[code_point]
            for stack in ended:
                del active[stack]
            active.update(dict.fromkeys(begun))
            if active:
                self.count(len(active))
                found.setdefault(frozenset(active), code_point)
        return [(tuple(stacks), code_point) for stacks, code_point in found.items()]

    def check_run(self, active: Collection[Stack], code_point: int) -> None:
        """One character over and over: spaces, dashes."""
        ways = dict.fromkeys(active, 1.0)
        seen: set[_Key] = set()
        for index in range(RUN):
            if index < RUN // 2:
                key = _key(ways, _base(ways))
                if key in self.runs:
                    break
                seen.add(key)
            found = self.followed({stack: n for stack, n in ways.items() if code_point in self.machine.chars(stack)})
            if not found or found == ways:
                break
            ways = found
            if sum(ways.values()) > MAX_RUN_WAYS or len(ways) > MAX_STACKS:
                self.refuse(ways, "a repeated character can be read in too many ways")
        # A run from there would see the same once more, for half as long at least.
        self.runs |= seen

    def count(self, work: int) -> None:
        self.machine.work += work
        if self.machine.work > WORK:
            raise UsageError(
                "The grammar cannot be used: it leaves too much open to be checked: make it smaller, and write what "
                "alternatives have in common once."
            )


def _base(stacks: Collection[Stack]) -> Stack | None:
    """The highest stack that is below all of these."""
    belows = {stack.below for stack in stacks}
    base = belows.pop() if belows else None
    for below in belows:
        other = below
        while base is not other:
            if base is None or other is None:
                return None
            if base.depth > other.depth:
                base = base.below
            elif base.depth < other.depth:
                other = other.below
            else:
                base, other = base.below, other.below
    return base


def _above(stack: Stack, base: Stack) -> tuple[int, ...] | None:
    """The positions between them, the lowest first; None where `base` is not below."""
    positions = []
    at: Stack | None = stack
    while at is not None and at.depth > base.depth:
        positions.append(at.at)
        at = at.below
    return tuple(reversed(positions)) if at is base and positions else None


def _key(stacks: Collection[Stack], base: Stack | None) -> _Key:
    found = []
    for stack in stacks:
        positions: list[int] = []
        at: Stack | None = stack
        while at is not base and at is not None and len(positions) < _TOLD_APART:
            positions.append(at.at)
            at = at.below
        found.append(tuple(positions))
    return frozenset(found)
