"""Refuses grammars under which llama.cpp would have to follow too many readings of one text.

llama.cpp keeps a stack for each reading of the answer so far, and when it asks whether a token may follow it walks
each reading of the token by itself, even where two have become the same. Both numbers can double with every
character. So the grammar is explored before llama.cpp sees it: from each set of stacks that can be reached, with a
character of each kind that the set tells apart.
"""

from __future__ import annotations

from collections.abc import Collection

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.chars import Chars
from autoglm_lite.grammar.machine import Machine, Stack

MAX_STACKS = 1000
"""Readings of a text that go on differently; a list of so many words to choose from is still in use."""
MAX_EXCESS = 2000.0
"""Ways to read the next few characters, beyond sqrt(2) for each of them: below 500,000 for a token of 16."""
MAX_RUN_WAYS = 1_000_000
"""Ways to read a character that is repeated 128 times, as in the longest tokens of vocabularies."""
RUN = 128
WORK = 600_000
"""Stacks looked at before we give up: about a second on an old processor."""

_DISCOUNT = 0.5**0.5

_Ways = dict[Stack, float]
"""For each stack in how many ways the last characters lead to it, less the discount."""
_Key = frozenset[tuple[int, int]]


def check_growth(machine: Machine) -> None:
    """Raises UsageError where stacks, or the ways to read a token, grow without bound or are too many."""
    _Exploration(machine).run()


class _Exploration:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        # For each set of stacks, as far as we tell them apart: the most stacks and ways seen.
        self.best: dict[_Key, tuple[int, float]] = {}
        self.runs: set[_Key] = set()
        self.ended: set[tuple[int, int]] = set()

    def run(self) -> None:
        todo: list[_Ways] = [{stack: 1.0 for stack in self.machine.start() if stack is not None}]
        self.check(todo[0])
        while todo:
            ways = self.skip_literal(todo.pop())
            if not ways or not self.is_news(ways):
                continue
            # What comes after a rule is not left to the way through it, which may have been taken from elsewhere.
            for stack in ways:
                below = stack.below
                if below is not None and (key := (below.at, below.below.at if below.below else -1)) not in self.ended:
                    self.ended.add(key)
                    todo.append({above: 1.0 for above in self.machine.above(stack) if above is not None})
            for active, code_point in self.choices(ways):
                following = self.step({stack: ways[stack] for stack in active})
                if len(active) > 1:
                    self.check_run(active, code_point)
                self.check(following)
                todo.append(following)

    def step(self, ways: _Ways) -> _Ways:
        """After one more character that all of these accept."""
        found: _Ways = {}
        for stack, count in ways.items():
            for following in self.machine.following(stack):
                if following is not None:
                    found[following] = found.get(following, 0.0) + count
        self.count(len(ways) + len(found))
        total = sum(found.values()) * _DISCOUNT
        if total <= len(found):
            return dict.fromkeys(found, 1.0)
        return {stack: count * _DISCOUNT for stack, count in found.items()}

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

    def skip_literal(self, ways: _Ways) -> _Ways:
        """On to where a string ends that is the only thing possible."""
        machine = self.machine
        while len(ways) == 1:
            (stack,) = ways
            if not isinstance(machine.symbols[stack.at + 1], Chars):
                break
            ways = self.step(ways)
        return ways

    def is_news(self, ways: _Ways) -> bool:
        key = self.key(ways)
        count, total = len(ways), sum(ways.values())
        best = self.best.get(key)
        if best is not None and count <= best[0] and total <= best[1] * 1.3:
            return False
        self.best[key] = (max(count, best[0]), max(total, best[1])) if best else (count, total)
        return True

    def key(self, stacks: Collection[Stack]) -> _Key:
        """Tells sets apart by the top two positions of their stacks: a finite number, however deep rules nest."""
        if len(stacks) == 1:
            (stack,) = stacks
            # Nothing of what is below is possible before its rule has ended, and from there on we go by itself.
            if self.machine.sharp[stack.at]:
                return frozenset(((stack.at, -1),))
        return frozenset((stack.at, stack.below.at if stack.below else -1) for stack in stacks)

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

    def check_run(self, active: tuple[Stack, ...], code_point: int) -> None:
        """One character over and over: spaces, dashes."""
        key = self.key(active)
        if key in self.runs:
            return
        self.runs.add(key)
        ways = dict.fromkeys(active, 1.0)
        for _ in range(RUN):
            found: _Ways = {}
            for stack, count in ways.items():
                if code_point in self.machine.chars(stack):
                    for following in self.machine.following(stack):
                        if following is not None:
                            found[following] = found.get(following, 0.0) + count
            self.count(len(ways) + len(found))
            if not found or found == ways:
                break
            ways = found
            if sum(ways.values()) > MAX_RUN_WAYS or len(ways) > MAX_STACKS:
                self.refuse(ways, "a repeated character can be read in too many ways")

    def count(self, work: int) -> None:
        self.machine.work += work
        if self.machine.work > WORK:
            raise UsageError(
                "The grammar cannot be used: it leaves too much open to be checked: make it smaller, and write what "
                "alternatives have in common once."
            )
