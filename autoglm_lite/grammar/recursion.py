"""Refuses grammars whose rules lead back to themselves in ways that llama.cpp does not survive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar.chars import Chars
from autoglm_lite.grammar.gbnf import Alternative, Grammar

_Holds = Callable[[list[bool], Alternative], bool]

MAX_CHAIN = 1000
"""Rules that begin with one another: llama.cpp follows them by recursion."""
MAX_VISITS = 5_000_000
"""Elements that its search for left recursion looks at; it visits a rule again on each way that leads there."""


def check_recursion(grammar: Grammar) -> None:
    """Raises UsageError for left recursion, also behind what may be empty, and for what grows at its end.

    llama.cpp itself overlooks left recursion behind a rule that is empty only through another one.
    """
    nullable = nullable_rules(grammar.rules)
    first = [_first_references(rule, nullable) for rule in grammar.rules]
    order, cycle = _postorder(first)
    if cycle:
        names = list(dict.fromkeys(grammar.owners[number] for number in cycle))
        through = f" through {', '.join(names[1:])}" if names[1:] else ""
        raise UsageError(
            f"The grammar cannot be used: the rule {names[0]} comes to itself again{through} before any character: "
            "begin it with something that cannot be empty, and repeat nothing that may be empty."
        )
    _check_search(grammar, order)
    _check_ends(grammar, nullable)


def nullable_rules(rules: Sequence[Sequence[Alternative]]) -> list[bool]:
    """Whether each rule can be empty."""

    def empty_when(known: list[bool], alternative: Alternative) -> bool:
        return all(not isinstance(symbol, Chars) and known[symbol] for symbol in alternative)

    return _fixpoint(rules, empty_when)


def finite_rules(rules: Sequence[Sequence[Alternative]]) -> list[bool]:
    """Whether each rule has a text that ends."""

    def ends_when(known: list[bool], alternative: Alternative) -> bool:
        return all(isinstance(symbol, Chars) or known[symbol] for symbol in alternative)

    return _fixpoint(rules, ends_when)


def _fixpoint(rules: Sequence[Sequence[Alternative]], holds: _Holds) -> list[bool]:
    known = [False] * len(rules)
    users: list[list[int]] = [[] for _ in rules]
    for number, rule in enumerate(rules):
        for used in {symbol for alternative in rule for symbol in alternative if not isinstance(symbol, Chars)}:
            users[used].append(number)
    todo = list(range(len(rules)))
    while todo:
        number = todo.pop()
        if not known[number] and any(holds(known, alternative) for alternative in rules[number]):
            known[number] = True
            todo.extend(users[number])
    return known


def _first_references(rule: Sequence[Alternative], nullable: Sequence[bool]) -> list[int]:
    """Rules that may come before any character, once for each place."""
    found = []
    for alternative in rule:
        for symbol in alternative:
            if isinstance(symbol, Chars):
                break
            found.append(symbol)
            if not nullable[symbol]:
                break
    return found


def _postorder(edges: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """All rules, those they lead to first; or a cycle."""
    order: list[int] = []
    state = [0] * len(edges)  # 1: on the way, 2: done
    for root in range(len(edges)):
        if state[root]:
            continue
        state[root] = 1
        way = [(root, iter(edges[root]))]
        while way:
            number, rest = way[-1]
            following = next(rest, None)
            if following is None:
                state[number] = 2
                order.append(number)
                way.pop()
            elif state[following] == 1:
                numbers = [step for step, _ in way]
                return order, numbers[numbers.index(following) :]
            elif not state[following]:
                state[following] = 1
                way.append((following, iter(edges[following])))
    return order, []


def _check_search(grammar: Grammar, order: Iterable[int]) -> None:
    """Bounds llama_grammar_detect_left_recursion, which sees as empty only rules with an empty alternative."""
    empty = [any(not alternative for alternative in rule) for rule in grammar.rules]
    visits = [0] * len(grammar.rules)
    chain = [0] * len(grammar.rules)
    for number in order:
        children = _first_references(grammar.rules[number], empty)
        visits[number] = grammar.sizes[number] + sum(visits[child] for child in children)
        chain[number] = 1 + max((chain[child] for child in children), default=0)
    if max(chain) > MAX_CHAIN:
        name = grammar.owners[chain.index(max(chain))]
        raise UsageError(
            f"The grammar cannot be used: more than {MAX_CHAIN} rules begin with one another from {name} on."
        )
    if sum(visits) > MAX_VISITS:
        name = grammar.owners[visits.index(max(visits))]
        raise UsageError(
            f"The grammar cannot be used: too many ways lead from {name} to the same rules: "
            "write their common beginning once."
        )


def _check_ends(grammar: Grammar, nullable: Sequence[bool]) -> None:
    """Refuses a rule that contains itself with only optional things behind.

    After n levels any of n things could follow, and llama.cpp would hold a stack of up to n for each of them.
    """
    tails: list[list[int]] = [[] for _ in grammar.rules]
    pushes: list[list[int]] = [[] for _ in grammar.rules]
    for number, rule in enumerate(grammar.rules):
        for alternative in rule:
            for index in range(len(alternative) - 1, -1, -1):
                symbol = alternative[index]
                if isinstance(symbol, Chars):
                    break
                tails[number].append(symbol)
                if index < len(alternative) - 1:
                    pushes[number].append(symbol)
                if not nullable[symbol]:
                    break
    component = _components(tails)
    for number, pushed in enumerate(pushes):
        if any(component[number] == component[symbol] for symbol in pushed):
            name = grammar.owners[number]
            raise UsageError(
                f"The grammar cannot be used: in the rule {name} something that contains {name} again is followed only "
                "by what may be left out, so that it would be open to which of them that belongs: "
                "put a character behind it that must be there."
            )


def _components(edges: Sequence[Sequence[int]]) -> list[int]:
    """The strongly connected component of each rule; alone, one has a component of its own."""
    reverse: list[list[int]] = [[] for _ in edges]
    for number, targets in enumerate(edges):
        for target in targets:
            reverse[target].append(number)
    order: list[int] = []
    seen = [False] * len(edges)
    for root in range(len(edges)):
        if seen[root]:
            continue
        seen[root] = True
        way = [(root, iter(edges[root]))]
        while way:
            number, rest = way[-1]
            following = next((step for step in rest if not seen[step]), None)
            if following is None:
                order.append(number)
                way.pop()
            else:
                seen[following] = True
                way.append((following, iter(edges[following])))
    component = [-1] * len(edges)
    for root in reversed(order):
        todo = [root] if component[root] < 0 else []
        while todo:
            number = todo.pop()
            if component[number] < 0:
                component[number] = root
                todo.extend(step for step in reverse[number] if component[step] < 0)
    return component
