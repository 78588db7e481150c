"""A vocabulary as llama.cpp has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autoglm_lite.errors import LoadError
from autoglm_lite.native.model import Model
from tests.gguf.tiny import I32, numbers, qwen3, strings

N_TOKENS = 264
THINK, START, END = 261, 262, 263


@pytest.fixture
def model(tmp_path: Path) -> Iterator[Model]:
    """Byte-level tokens, one of 300 letters, and three control tokens."""
    tiny = qwen3()
    letters = ["a", "b", *(f"w{i}" for i in range(N_TOKENS - 6)), "x" * 300, "<think>", "<|im_start|>", "<|im_end|>"]
    tiny.put(strings("tokenizer.ggml.tokens", letters))
    tiny.put(numbers("tokenizer.ggml.token_type", I32, [1] * (N_TOKENS - 3) + [3] * 3))
    tiny.put(strings("tokenizer.ggml.merges", ["a b"]))
    path = tiny.write(tmp_path / "tiny.gguf")
    with closing(Model(str(path), load_mode="mmap", repack=False)) as loaded:
        yield loaded


def test_control_tokens_are_silent_unless_they_are_to_be_written(model: Model) -> None:
    assert model.token_bytes(THINK) == model.token_bytes(START) == b""
    model.write_control("<think>")
    model.write_control("no such token")
    assert (model.token_bytes(THINK), model.token_bytes(START)) == (b"<think>", b"")


def test_control_tokens_are_read_only_where_they_are_to_be(model: Model) -> None:
    assert model.tokenize("<|im_start|>", add_special=False, parse_special=True) == [START]
    assert START not in model.tokenize("<|im_start|>", add_special=False, parse_special=False)


def test_a_long_token_is_whole(model: Model) -> None:
    assert model.token_bytes(THINK - 1) == b"x" * 300


def test_the_end_ends(model: Model) -> None:
    assert model.ends_generation(END)
    assert not model.ends_generation(0)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="cannot load"):
        Model(str(tmp_path / "missing.gguf"), load_mode="mmap", repack=False)
