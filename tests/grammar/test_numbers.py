"""Numbers between bounds: the grammar lets through exactly those."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.grammar import check
from autoglm_lite.grammar.numbers import INTEGER, NUMBER, Bound, decimals, integers
from tests.grammar.texts import matches, written

WHOLE = st.integers(-12000, 12000) | st.integers(-(10**18), 10**18)


@settings(deadline=None)
@given(st.none() | WHOLE, st.none() | WHOLE, st.lists(WHOLE, max_size=5))
def test_integers(low: int | None, high: int | None, tried: list[int]) -> None:
    found = integers(low, high)
    if low is not None and high is not None and low > high:
        assert found is None
        return
    assert found is not None
    gbnf = f"root ::= {found}"
    check(gbnf)
    near = [bound + step for bound in (low, high) if bound is not None for step in (-1, 0, 1, 9, -9)]
    for number in (*near, *tried):
        # Without a bound there are sixteen digits, or as many as the other bound has.
        n_digits = max(16, *(len(str(abs(bound))) for bound in (low, high) if bound is not None), 0)
        inside = (low is None or number >= low) and (high is None or number <= high) and abs(number) < 10**n_digits
        assert matches(gbnf, str(number)) == inside
    assert not matches(gbnf, "00")
    assert not matches(gbnf, "-0")


DECIMALS = st.decimals(-200, 200, places=2) | st.decimals(-2, 2, places=3)


@settings(deadline=None)
@given(
    *(st.none() | st.builds(Bound, DECIMALS, st.booleans()) for _ in range(2)),
    st.lists(st.decimals(-300, 300, places=4), max_size=6),
    st.integers(0, 1 << 32),
)
def test_decimals(low: Bound | None, high: Bound | None, tried: list[Decimal], seed: int) -> None:
    def inside(number: Decimal) -> bool:
        return not (
            (low is not None and (number < low.value or (low.open and number == low.value)))
            or (high is not None and (number > high.value or (high.open and number == high.value)))
        )

    found = decimals(low, high)
    bounds = [bound.value for bound in (low, high) if bound is not None]
    near = [bound + step for bound in bounds for step in (Decimal(0), Decimal("0.001"), Decimal("-0.0001"))]
    if found is None:
        assert not any(inside(number) for number in (*near, *tried))
        return
    gbnf = f"root ::= {found}"
    check(gbnf)
    for number in (*near, *tried):
        assert matches(gbnf, f"{number:f}") == inside(number), number
    text = written(gbnf, Random(seed))
    assert text is not None
    assert inside(Decimal(text))


@pytest.mark.parametrize("text", ["0", "-0", "1.5", "-12.25e-3", "1E10", "9999999999999999"])
def test_any_number(text: str) -> None:
    assert matches(f"root ::= {NUMBER}", text)
    assert matches(f"root ::= {INTEGER}", text) == text.lstrip("-").isdigit()


@pytest.mark.parametrize("text", ["", "-", "01", "1.", ".5", "1e", "+1", "1e400", "12345678901234567"])
def test_no_number(text: str) -> None:
    assert not matches(f"root ::= {NUMBER}", text)
