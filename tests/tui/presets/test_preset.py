"""Presets as files, and what they make of a model's own settings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.chat.history import History
from autoglm_lite.generation import Sampling
from tests.tui.driving import setup_of
from tui import toml
from tui.presets.preset import Behaviour, Preset, PresetError, Shelf, behaviour, parsed, toml_text, written
from tui.words import ENGLISH

WORDS = ENGLISH.presets


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "presets", tmp_path / "preset", WORDS)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back_from_toml(text: str) -> None:
    # A TOML parser may make one newline of a carriage return and a newline, so both are written escaped.
    assert toml.loads(f"x = {toml_text(text)}\n")["x"] == text


def test_what_is_written_is_what_is_read() -> None:
    sampling = Sampling(temperature=0.3, top_k=7, mirostat=2, seed=5, repeat_penalty=1.1)
    text = written(Behaviour("短\n一些", sampling, False))
    preset = parsed("简短", text, WORDS)
    assert preset.system == "短\n一些"
    assert preset.thinking is False
    assert replace(Sampling(), **preset.sampling) == sampling  # type: ignore[arg-type]
    assert "短\n一些" in text
    assert parsed("x", written(Behaviour(None, Sampling(), None)), WORDS).thinking is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("temperature = ", "not written as TOML"),
        ("temperature = -1", "temperature must be 0–100"),
        ("temperature = nan", "temperature must be"),
        ("temperature = true", "temperature must be"),
        ("top_k = 1.5", "top_k must be 0–"),
        ("system = 5", "system must be a text"),
        ('thinking = "no"', "thinking must be true, false"),
        ("warmth = 1", "there is no warmth; known are system, thinking, temperature"),
    ],
)
def test_a_mistake_is_told(text: str, said: str) -> None:
    with pytest.raises(PresetError, match=said):
        parsed("x", text, WORDS)


def test_the_command_line_wins_at_the_start_only(stories_gguf: Path, history: History) -> None:
    setup = setup_of(stories_gguf, history)  # Its temperature is 0, which no file advises.
    preset = Preset("x", "be short", {"temperature": 0.9, "top_k": 3}, True)
    start = behaviour(preset, replace(setup, system="of the shell", thinking=False), flags_win=True)
    assert (start.system, start.sampling.temperature, start.sampling.top_k, start.thinking) == (
        *("of the shell", 0, 3),
        False,
    )
    later = behaviour(preset, replace(setup, system="of the shell", thinking=False), flags_win=False)
    assert (later.system, later.sampling.temperature, later.thinking) == ("be short", 0.9, True)
    none = behaviour(None, setup, flags_win=False)
    assert none == Behaviour(setup.system, setup.sampling, setup.thinking)


def test_a_shelf_keeps_files_for_this_user_alone(shelf: Shelf, tmp_path: Path) -> None:
    assert [*shelf.names, shelf.in_use] == [None]
    shelf.save("简短", "# mine\ntemperature = 1\n")
    with pytest.raises(PresetError):
        shelf.save("简短", "temperature = -1\n")
    assert shelf.text("简短") == "# mine\ntemperature = 1\n"
    path = tmp_path / "presets" / "简短.toml"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    shelf.note_use("简短")
    assert shelf.in_use == "简短"
    shelf.delete("简短")
    shelf.delete("简短")
    assert [*shelf.names, shelf.in_use] == [None]
    for name in ("", "../x", "a/b", ".x", "x" * 61, "a\nb"):
        with pytest.raises(PresetError, match="A name has"):
            shelf.save(name, "")
    with pytest.raises(PresetError, match="cannot be read"):
        shelf.get("gone")
    (tmp_path / "presets" / "odd.toml").write_bytes(b"\xff")
    with pytest.raises(PresetError, match="cannot be read"):
        shelf.get("odd")
    blocked = Shelf(tmp_path / "preset" / "x", tmp_path / "preset" / "y", WORDS)
    with pytest.raises(PresetError, match="cannot be saved"):
        blocked.save("a", "")
