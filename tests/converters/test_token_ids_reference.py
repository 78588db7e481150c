"""The `tokenizer.*` keys are those that llama.cpp's converter writes, in its order."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizer_cases import CASES, make, shown

from converters import tokenizers
from converters.config import Config, read_json
from converters.keyvalues import KeyValues

REFERENCE = json.loads(Path(__file__).with_name("tokenizer_reference.json").read_text("utf-8"))


@pytest.mark.parametrize("name", CASES)
def test_keys_are_those_of_llama_cpp(name: str, tmp_path: Path) -> None:
    folder = make(name, tmp_path)
    found = KeyValues()
    raw = read_json(folder / "config.json")
    getattr(tokenizers, CASES[name][1])(folder, Config(raw), found)
    held = [
        [key, "ARRAY" if value.items is not None else value.type.name, shown(value.content)] for key, value in found
    ]
    expected = REFERENCE[name]
    if name == "json-pieces":
        # llama.cpp's converter gives every token one score there, by which llama.cpp cannot merge in order.
        held, expected = ([row for row in rows if row[0] != "tokenizer.ggml.scores"] for rows in (held, expected))
    assert held == expected
