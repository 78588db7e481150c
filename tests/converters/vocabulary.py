"""A tokenizer converted by us and run by llama.cpp, from a GGUF file of nothing but metadata."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoglm_lite.native.model import Model
from converters import tokenizers
from converters.config import Config, read_json
from converters.keyvalues import KeyValues
from converters.writer import header


def converted(folder: Path, way: str) -> KeyValues:
    """The metadata that our function `way` makes of the tokenizer in `folder`."""
    keys = KeyValues()
    keys.string("general.architecture", "llama")
    getattr(tokenizers, way)(folder, Config(read_json(folder / "config.json")), keys)
    return keys


@contextmanager
def run(keys: KeyValues, folder: Path) -> Iterator[Model]:
    """llama.cpp's vocabulary of `keys`."""
    path = folder / "vocabulary.gguf"
    path.write_bytes(header(keys, []))
    model = Model(str(path), load_mode="none", repack=False, vocab_only=True)
    try:
        yield model
    finally:
        model.close()


def encode(model: Model, text: str) -> list[int]:
    """Token ids without what surrounds a text; special tokens in it count, as in the libraries."""
    return model.tokenize(text, add_special=False, parse_special=True)
