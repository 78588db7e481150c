"""Names in the store: none leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.errors import UsageError
from autoglm_lite.store.place import check, name_from, place

BAD = [
    "",
    ".",
    "..",
    "a/b",
    "a\\b",
    "a\0b",
    "/etc",
    "a\n",
    " a",
    "a ",
    "a.",
    "con",
    "nul.gguf",
    "e\u0301",
    "\u202eb",
    "-a",
    "a" * 300,
]


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_a_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be a name"):
        place(tmp_path, "manifests", name)


def test_a_link_in_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "manifests").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        place(tmp_path, "manifests", "model.json")


@given(st.text())
def test_each_path_is_plainly_inside(name: str) -> None:
    folder = Path("/store")
    try:
        path = place(folder, name)
    except UsageError:
        return
    assert path.parent == folder
    assert path.resolve().parent == folder


@given(st.text(min_size=1))
def test_a_name_made_from_any_text_is_one(text: str) -> None:
    try:
        name = name_from(text)
    except UsageError:
        return
    assert check(name) == name
