"""llama.cpp's way of following a grammar: for each reading of the text so far a stack of what must follow."""

from __future__ import annotations

from collections.abc import Iterable

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.chars import Chars
from autoglm_lite.grammar.gbnf import Grammar, Symbol

MAX_CLOSURE = 5000


class Stack:
    """What must follow: the character at position `at` of the grammar, then what `below` says.

    There is one object for each stack, so that equal ones are the same.
    """

    __slots__ = ("at", "below", "depth", "following")

    def __init__(self, at: int, below: Stack | None) -> None:
        self.at = at
        self.below = below
        self.depth: int = 0 if below is None else below.depth + 1
        self.following: tuple[Stack | None, ...] | None = None


class Machine:
    """The stacks of one grammar. None is the empty one: the text may end here."""

    def __init__(self, grammar: Grammar) -> None:
        self.symbols: list[Symbol | None] = []
        """All alternatives in a row, None behind each."""
        self.starts: list[list[int]] = []
        self.owners: list[str] = []
        """The rule that each position belongs to."""
        for number, rule in enumerate(grammar.rules):
            starts = []
            for alternative in rule:
                starts.append(len(self.symbols))
                self.symbols += [*alternative, None]
                self.owners += [grammar.owners[number]] * (len(alternative) + 1)
            self.starts.append(starts)
        self._root = grammar.root
        self._stacks: dict[tuple[int, int], Stack] = {}
        self.work = 0
        """Stacks made or looked at, which is what the time goes into."""

    def start(self) -> tuple[Stack | None, ...]:
        """Before the first character."""
        return self._expanded([self._push(at, None) for at in self.starts[self._root]])

    def chars(self, stack: Stack) -> Chars:
        """What must follow."""
        symbol = self.symbols[stack.at]
        assert isinstance(symbol, Chars)
        return symbol

    def following(self, stack: Stack) -> tuple[Stack | None, ...]:
        """After one of its characters."""
        if stack.following is None:
            stack.following = self._expanded([self._push(stack.at + 1, stack.below)])
        return stack.following

    def rest(self, frame: Stack) -> tuple[Stack | None, ...]:
        """What can come next when the rule above this stack has ended."""
        return self._expanded([frame])

    def called(self, frame: Stack) -> int:
        """The rule that must end before this stack, which is below another, goes on."""
        rule = self.symbols[frame.at - 1]
        assert isinstance(rule, int)
        return rule

    def end_of_literal(self, stack: Stack) -> Stack:
        """Further on in this stack, before the last of the characters that stand in a row."""
        at = stack.at
        while isinstance(self.symbols[at + 1], Chars):
            at += 1
        return stack if at == stack.at else self.placed((at,), stack.below)

    def placed(self, positions: Iterable[int], below: Stack | None) -> Stack:
        """The stack with these positions, the lowest first, on top of another."""
        for at in positions:
            below = self._push(at, below)
        assert below is not None
        return below

    def accept(self, stacks: Iterable[Stack | None], code_point: int) -> tuple[Stack | None, ...]:
        """After this character; empty where it may not stand."""
        found: dict[Stack | None, None] = {}
        for stack in stacks:
            if stack is not None and code_point in self.chars(stack):
                found.update(dict.fromkeys(self.following(stack)))
        return tuple(found)

    def _push(self, at: int, below: Stack | None) -> Stack | None:
        """A stack with this position on top, which the end of an alternative never is."""
        if self.symbols[at] is None:
            return below
        key = (at, id(below))
        stack = self._stacks.get(key)
        if stack is None:
            stack = self._stacks[key] = Stack(at, below)
        return stack

    def _expanded(self, todo: list[Stack | None]) -> tuple[Stack | None, ...]:
        """These, with rules replaced by what they begin with, until a character is on top of each."""
        seen: set[Stack | None] = set()
        found: list[Stack | None] = []
        while todo:
            stack = todo.pop()
            if stack in seen:
                continue
            seen.add(stack)
            if stack is None:
                found.append(None)
                continue
            symbol = self.symbols[stack.at]
            if isinstance(symbol, Chars):
                found.append(stack)
                continue
            assert symbol is not None
            if len(seen) > MAX_CLOSURE:
                raise UsageError(
                    f"The grammar cannot be used: in the rule {self.owners[stack.at]} more than {MAX_CLOSURE} things "
                    "could come next: leave fewer of them optional."
                )
            below = self._push(stack.at + 1, stack.below)
            todo += [self._push(start, below) for start in self.starts[symbol]]
        self.work += len(seen)
        return tuple(found)
