"""Which bytes are there, against a set of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.store.download.ranges import Ranges, next_span, segment_bytes

MOST = 40
spans = st.lists(st.tuples(st.integers(0, MOST), st.integers(0, MOST)).map(lambda two: (min(two), max(two))))


def covered(found: Ranges) -> set[int]:
    return {at for begin, end in found for at in range(begin, end)}


def check(found: Ranges) -> None:
    """In order, none empty, none touching another."""
    edges = [edge for span in found for edge in span]
    assert edges == sorted(set(edges))


@given(spans)
def test_what_was_added_is_there_and_nothing_else(added: list[tuple[int, int]]) -> None:
    found = Ranges()
    there: set[int] = set()
    for begin, end in added:
        found.add(begin, end)
        there |= set(range(begin, end))
        check(found)
        assert covered(found) == there
        assert found.n_bytes == len(there)


@given(spans, st.integers(0, MOST), st.integers(0, MOST))
def test_what_is_missing_is_the_rest(added: list[tuple[int, int]], one: int, other: int) -> None:
    begin, end = min(one, other), max(one, other)
    found, missing = Ranges(added), Ranges()
    for a, b in found.missing(begin, end):
        assert a < b
        missing.add(a, b)
    assert covered(missing) == set(range(begin, end)) - covered(found)


@given(spans, st.integers(0, MOST))
def test_the_unbroken_beginning_and_what_is_before_an_end(added: list[tuple[int, int]], at: int) -> None:
    found = Ranges(added)
    there = covered(found)
    reach = found.reach(at)
    assert set(range(at, reach)) <= there
    assert reach not in there
    assert covered(found.clip(at)) == {one for one in there if one < at}
    check(found.clip(at))


@settings(max_examples=40)
@given(st.data(), st.integers(0, 60), st.integers(1, 20))
def test_whatever_lines_do_all_comes_once_and_in_pieces(data: st.DataObject, n_bytes: int, most: int) -> None:
    done = Ranges()
    claims: list[tuple[int, int]] = []
    while (span := next_span(done, claims, n_bytes, most)) or claims:
        if span and (not claims or (len(claims) < 4 and data.draw(st.booleans()))):
            assert 0 < span[1] - span[0] <= most
            assert not covered(Ranges([span])) & (covered(done) | covered(Ranges(claims)))
            claims.append(span)
            continue
        begin, end = claims.pop(data.draw(st.integers(0, len(claims) - 1)))
        done.add(begin, data.draw(st.integers(begin + 1, end)))
    assert covered(done) == set(range(n_bytes))


@pytest.mark.parametrize("span", [(3, 2), (-1, 2)])
def test_what_is_no_span(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no span"):
        Ranges([span])


@given(st.integers(0, 1 << 40))
def test_segments_are_neither_small_nor_large(n_bytes: int) -> None:
    assert 100 <= segment_bytes(n_bytes, 100, 1000, 4) <= 1000
