"""The line of a value in TOML, which TOML's readers do not tell."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.profiles.document import Where, line_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = '''\
# A comment, and an empty line

first = 1
"quoted key" = 2
dotted.inner.deep = 3
dotted.other = 4
inline = { a = 1, b = { c = 2 } }
several = [
    1,  # in the middle
    2,
]
text = """
[not.a.table]
first = 7
"""

[table]   # with a comment
key = 5

  [table.below]
  key = 6

[[many]]
name = "a"

[[many]]
name = "b"
[many.bytes]
Q4_0 = 1
[[many.deep]]
x = 1
[[many.deep]]
x = 2
'''
PLACES: list[tuple[Where, int]] = [
    (("first",), 3),
    (("quoted key",), 4),
    (("dotted", "inner", "deep"), 5),
    (("dotted", "other"), 6),
    (("dotted",), 5),
    (("inline", "b", "c"), 7),
    (("several",), 8),
    (("text",), 12),
    (("table",), 17),
    (("table", "key"), 18),
    (("table", "below"), 20),
    (("table", "below", "key"), 21),
    (("many", 0), 23),
    (("many", 0, "name"), 24),
    (("many", 1), 26),
    (("many", 1, "name"), 27),
    (("many", 1, "bytes"), 28),
    (("many", 1, "bytes", "Q4_0"), 29),
    (("many", 1, "deep", 0, "x"), 31),
    (("many", 1, "deep", 1), 32),
    (("many", 1, "deep", 1, "x"), 33),
    (("nowhere",), 1),
]


@pytest.mark.parametrize(("where", "line"), PLACES)
def test_the_line_of_a_value(where: Where, line: int) -> None:
    assert line_of(TEXT, where) == line


names = st.text("abc", min_size=1, max_size=3)
lines = st.sampled_from(["", "# note", "  # = [", "[x]", "[[y]]", "[x.z]"])
pairs = st.builds(
    lambda name, value: f"{name} = {value}", names, st.sampled_from(["1", '"["', "[\n 1,\n]", "'''\n[q]\n'''"])
)


@given(st.lists(lines | pairs, max_size=12))
def test_every_key_that_is_read_is_found(parts: list[str]) -> None:
    text = "\n".join(parts)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    for name in values:
        line = text.split("\n")[line_of(text, (name,)) - 1]
        assert line.lstrip("[ ").startswith(name)
