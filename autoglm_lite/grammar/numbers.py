"""Numbers of JSON between bounds, as GBNF that looks at their digits."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from autoglm_lite.grammar.rules import literal, one_of, repeated

MAX_DIGITS = 16
"""Of an unbounded integer, so that doubles hold it and no model writes digits for ever."""
MAX_FRACTION = 9
INTEGER = f'"-"? ("0" | [1-9] [0-9]{{0,{MAX_DIGITS - 1}}})'
NUMBER = f'{INTEGER} ("." [0-9]{{1,{MAX_DIGITS}}})? ([eE] [-+]? [0-9]{{1,2}})?'


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of a range."""

    value: Decimal
    open: bool
    """Whether `value` itself is outside."""


def integers(low: int | None, high: int | None) -> str | None:
    """Whole numbers from `low` to `high`; None when there are none."""
    found = []
    if low is None or low < 0:
        below = digits(max(1, -high if high is not None else 1), None if low is None else -low)
        found += [f'"-" {below}'] if below else []
    if high is None or high >= 0:
        above = digits(max(0, low or 0), high)
        found += [above] if above else []
    return one_of(found) if found else None


def digits(low: int, high: int | None) -> str | None:
    """Whole numbers from `low` (0 or more) to `high`; None when there are none."""
    if high is None:
        high = 10 ** max(MAX_DIGITS, len(str(low))) - 1
    if low > high:
        return None
    found = []
    whole: list[int] = []  # lengths of which all numbers are allowed
    for length in range(len(str(low)), len(str(high)) + 1):
        smallest, largest = (10 ** (length - 1) if length > 1 else 0), 10**length - 1
        if low <= smallest and high >= largest and length > 1:
            whole.append(length)
        else:
            found.append(_same_length(str(max(low, smallest)), str(min(high, largest))))
    if whole:
        found.append(f"[1-9] {_any(whole[0] - 1, whole[-1] - 1)}")
    return one_of(found)


def _any(low: int, high: int) -> str:
    return repeated("[0-9]", low, high) if high else '""'


def _same_length(low: str, high: str) -> str:
    if low == high:
        return literal(low)
    same = next(i for i in range(len(low)) if low[i] != high[i])
    prefix, low, high = low[:same], low[same:], high[same:]
    rest = len(low) - 1
    first, last = int(low[0]), int(high[0])
    found = []
    if low[1:].strip("0"):
        found.append(f'"{first}" {_same_length(low[1:], "9" * rest)}')
        first += 1
    if high[1:].strip("9"):
        found.append(f'"{last}" {_same_length("0" * rest, high[1:])}')
        last -= 1
    if first <= last:
        found.append(f"[{first}-{last}] {_any(rest, rest)}" if rest else f"[{first}-{last}]")
    return (f"{literal(prefix)} " if prefix else "") + one_of(found)


def decimals(low: Bound | None, high: Bound | None) -> str | None:
    """Numbers without exponent between the bounds; None when there are none."""
    if low is not None and high is not None:
        is_point = low.value == high.value and not low.open and not high.open
        if low.value >= high.value and not is_point:
            return None
    zero = Bound(Decimal(0), False)
    found = []
    if low is None or low.value < 0:
        near = Bound(-high.value, high.open) if high is not None and high.value <= 0 else zero
        below = _magnitudes(near, None if low is None else Bound(-low.value, low.open))
        found += [f'"-" {below}'] if below else []
    if high is None or high.value >= 0:
        above = _magnitudes(low if low is not None and low.value >= 0 else zero, high)
        found += [above] if above else []
    return one_of(found) if found else None


def _magnitudes(low: Bound, high: Bound | None) -> str | None:
    """The same for numbers of 0 and more."""
    bottom, low_digits = _split(low.value)
    top, high_digits = _split(high.value) if high is not None else (None, "")
    found = []
    if top is not None and top == bottom:
        found.append((literal(str(bottom)), _Fraction(low_digits, low.open, high_digits, bool(high and high.open))))
    else:
        found.append((literal(str(bottom)), _Fraction(low_digits, low.open, None, False)))
        between = digits(bottom + 1, None if top is None else top - 1)
        if between:
            found.append((between, _Fraction("", False, None, False)))
        if top is not None and top > bottom:
            found.append((literal(str(top)), _Fraction("", False, high_digits, bool(high and high.open))))
    parts = [f"{whole}{after}" for whole, fraction in found if (after := fraction.expression()) is not None]
    return one_of(parts) if parts else None


def _split(value: Decimal) -> tuple[int, str]:
    whole, _, fraction = f"{value:f}".partition(".")
    return int(whole), fraction.rstrip("0")


@dataclass(frozen=True, slots=True)
class _Fraction:
    """What may follow the point: digits from `low` (0.low) to `high`, None being 1."""

    low: str
    low_open: bool
    high: str | None
    high_open: bool

    def expression(self) -> str | None:
        """The point and its digits, or nothing where that is allowed; None when nothing is."""
        more = self._more(0, True, self.high is not None)
        if self._may_end(0, True, self.high is not None):
            return f' ("." {more})?' if more else ""
        return f' "." {more}' if more else None

    def _may_end(self, at: int, at_low: bool, at_high: bool) -> bool:
        """After `at` digits, which so far are those of a bound where that is said."""
        if at_low and (at < len(self.low) or self.low_open):
            return False
        return not (at_high and at >= len(self.high or "") and self.high_open)

    def _more(self, at: int, at_low: bool, at_high: bool) -> str | None:
        """One digit and what follows it; None where none is allowed."""
        room = max(MAX_FRACTION, len(self.low) + 1, len(self.high or "")) - at
        if room <= 0:
            return None
        if not at_low and not at_high:
            return f"[0-9]{{1,{room}}}"
        first = int(self.low[at]) if at_low and at < len(self.low) else 0
        last = (int(self.high[at]) if at < len(self.high or "") else 0) if at_high and self.high is not None else 9
        found = []
        free = []
        for digit in range(first, last + 1):
            low, high = at_low and digit == first, at_high and digit == last
            if not low and not high:
                free.append(digit)
                continue
            more = self._more(at + 1, low, high)
            if self._may_end(at + 1, low, high):
                found.append(f'"{digit}" ({more})?' if more else f'"{digit}"')
            elif more:
                found.append(f'"{digit}" {more}')
        if free:
            after = f" {_any(0, room - 1)}" if room > 1 else ""
            found.append(f"[{free[0]}-{free[-1]}]{after}")
        return one_of(found) if found else None
