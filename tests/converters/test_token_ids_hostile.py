"""Damaged tokenizer files of every form: metadata that can be written, or one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizer_cases import CASES, make
from vocabulary import converted

from autoglm_lite.errors import ConversionError
from converters.writer import header

SMALL = [name for name in CASES if name not in ("smollm", "code-llama")]
SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 300) | st.sampled_from(["", "a", "\ud800", "<s>", "BPE", 1 << 70, 0.5])
)
JSON = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.sampled_from(["content", "id", "type"]), SCALARS)
FUZZ = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("sound")
    return {name: make(name, parent) for name in SMALL}


@pytest.mark.parametrize("name", SMALL)
@FUZZ
@given(data=st.data())
def test_damaged_files(name: str, sound: dict[str, Path], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(sound[name].iterdir())))
    original = path.read_bytes()
    damage = damaged_json if path.suffix == ".json" and data.draw(st.booleans()) else damaged_bytes
    try:
        path.write_bytes(damage(original, data))
        convert_or_refuse(sound[name], CASES[name][1])
    finally:
        path.write_bytes(original)


def convert_or_refuse(folder: Path, way: str) -> None:
    """Reads and packs the tokenizer, or is refused with a sentence."""
    said = "Fine."
    try:
        header(converted(folder, way), [])
    except ConversionError as error:
        said = str(error)
    assert said.endswith(".")
    assert len(said) < 1200


def damaged_bytes(original: bytes, data: st.DataObject) -> bytes:
    """A part cut out or written over."""
    start = data.draw(st.integers(0, len(original)))
    stop = data.draw(st.integers(start, min(start + 40, len(original))))
    return original[:start] + data.draw(st.binary(max_size=12)) + original[stop:]


def damaged_json(original: bytes, data: st.DataObject) -> bytes:
    """One value, anywhere, replaced by another."""
    value = json.loads(original)
    place: Any = value
    while isinstance(place, (dict, list)) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.integers(0, 2)) == 0:
            place[key] = data.draw(JSON)
            break
        place = place[key]
    return json.dumps(value).encode()


@pytest.mark.parametrize("name", SMALL)
def test_missing_files(name: str, tmp_path: Path) -> None:
    folder = make(name, tmp_path)
    for path in sorted(folder.iterdir()):
        if path.name != "config.json":
            content = path.read_bytes()
            path.unlink()
            convert_or_refuse(folder, CASES[name][1])
            path.write_bytes(content)
