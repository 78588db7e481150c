"""Regular expressions: what the grammar lets through is found by Python's own, and the usual things can be written."""

from __future__ import annotations

import json
import re
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError
from autoglm_lite.grammar import from_schema
from tests.grammar.texts import matches, written


def grammar(pattern: str) -> str:
    return from_schema({"type": "string", "pattern": pattern})


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [
        (r"^[A-Z]{2}-\d{3,5}$", ["AB-123", "XY-12345"], ["AB-12", "ab-123", "AB-123 "]),
        (r"^(foo|bar)?$", ["", "foo"], ["foobar"]),
        (r"foo.+bar", ["a foo x bar b"], ["foobar"]),
        (r"^a|b$", ["abc", "xb"], ["xa"]),
        (r'^["\\\n]+$', ['"\\\n'], ["a"]),
        (r"^[^a-c\]]$", ["d", "\n", "你", '"'], ["a", "]", "dd"]),
        (r"^\w+@\w+\.(com|org)$", ["a_1@b.com"], ["a@b.net", "a@b"]),
        (r"^\S+\s\S+$", ["你 好"], ["ab"]),
        (r"^.{3}$", ["a你c"], ["ab", "a\nb"]),
        (r"^(?:a{2}b*?)+$", ["aab", "aaaa"], ["ab"]),
        (r"^\x41\u00e9$", ["Aé"], ["A"]),
        (r"^\D\W$", ["a-"], ["1-", "ab"]),
        ("", ["", "anything"], []),
    ],
)
def test_patterns(pattern: str, right: list[str], wrong: list[str]) -> None:
    gbnf = grammar(pattern)
    assert [text for text in right if not matches(gbnf, json.dumps(text, ensure_ascii=False))] == []
    assert [text for text in wrong if matches(gbnf, json.dumps(text, ensure_ascii=False))] == []


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("(?=a)", "look ahead"),
        ("(?P<x>a)", "have names"),
        (r"(a)\1", "is not supported"),
        (r"\bword\b", "is not supported"),
        (r"\p{L}", "is not supported"),
        ("a^b", "'\\^' is only supported at the beginning"),
        ("(a$)b", "missing|'\\$' is only supported"),
        ("a**", "one repetition follows another"),
        ("*a", "nothing stands before"),
        ("(a", "is missing"),
        ("a)", "too many"),
        ("[b-a]", "no range"),
        (r"[\d-z]", "no range"),
        ("[a", "is missing"),
        ("a{3,1}", "ends before it begins"),
        ("a{x}", "numbers should stand"),
        ("a{99999}", "more than 2000"),
        (r"\u12", "hexadecimal"),
        ("\\", "is not supported"),
        (r"[^\s\S]", "no character"),
        ("(" * 40 + "a" + ")" * 40, "nested too deep"),
        ("a" * 3000, "longer than"),
        ("(a+)+", "leaves too much open"),
    ],
)
def test_refused(pattern: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        grammar(pattern)


PIECE = st.sampled_from(
    ["a", "b", "0", r"\d", r"\w", r"\s", r"\S", r"\W", r"\D", ".", "[ab]", "[^a]", r"[^\d]", r"[\w-]", "é", r"\.", '"']
)
PATTERN = st.recursive(
    PIECE,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "{1,}", "+?"])).map(
            lambda two: f"(?:{two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.sampled_from(["", "^"]), PATTERN, st.sampled_from(["", "$"]), st.integers(0, 1 << 32))
def test_what_is_written_is_found(begin: str, inner: str, end: str, seed: int) -> None:
    pattern = begin + inner + end
    try:
        gbnf = grammar(pattern)
    except UsageError:
        return
    text = written(gbnf, Random(seed), 200)
    if text is not None:
        assert re.search(pattern, json.loads(text)), (pattern, text)
