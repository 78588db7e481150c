"""Tokenizers read as the libraries that made them read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkpoints import LLAMA3_REGEX, QWEN2_REGEX, STORIES, bpe, make, split_then_bytes, write_json
from sentencepiece import SentencePieceProcessor

from autoglm_lite.errors import ConversionError
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.tokenizers import bpe as add_bpe
from converters.tokenizers import sentencepiece as add_sentencepiece
from converters.tokenizers.pieces import read_pieces
from converters.tokenizers.pretokenizer import recognise
from converters.tokenizers.token import TokenType

GPT2_WORDS = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
DIGITS = {"type": "Digits", "individual_digits": True}


def test_pieces_are_those_of_the_library() -> None:
    path = STORIES / "tokenizer.model"
    library = SentencePieceProcessor(str(path))
    kinds = {
        TokenType.UNKNOWN: library.IsUnknown,
        TokenType.CONTROL: library.IsControl,
        TokenType.BYTE: library.IsByte,
        TokenType.UNUSED: library.IsUnused,
    }
    pieces = read_pieces(path)
    assert len(pieces) == library.vocab_size()
    for number, (text, score, kind) in enumerate(pieces):
        assert text == library.IdToPiece(number)
        assert score == library.GetScore(number)
        assert next((name for name, ask in kinds.items() if ask(number)), TokenType.NORMAL) is kind


@pytest.mark.parametrize(
    ("pre_tokenizer", "ignore_merges", "name"),
    [
        (split_then_bytes(LLAMA3_REGEX), True, "llama-bpe"),
        (split_then_bytes(LLAMA3_REGEX), False, "smaug-bpe"),
        (split_then_bytes(QWEN2_REGEX), False, "qwen2"),
        (split_then_bytes(QWEN2_REGEX.replace(r"\r", "\r").replace(r"\n", "\n")), False, "qwen2"),
        (GPT2_WORDS, False, "gpt-2"),
        ({"type": "Sequence", "pretokenizers": [GPT2_WORDS]}, False, "gpt-2"),
        ({"type": "Sequence", "pretokenizers": [DIGITS, GPT2_WORDS]}, False, "smollm"),
    ],
)
def test_pre_tokenizers_are_known_by_their_structure(pre_tokenizer: Any, ignore_merges: bool, name: str) -> None:
    assert recognise(bpe(pre_tokenizer, [], ignore_merges=ignore_merges)) == name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pre_tokenizer": None}, "none at all"),
        ({"pre_tokenizer": split_then_bytes(QWEN2_REGEX + "|x")}, "then bytes False"),
        ({"pre_tokenizer": {**GPT2_WORDS, "add_prefix_space": True}}, "ByteLevel"),
        ({"pre_tokenizer": {"type": "Metaspace", "replacement": "_"}}, "Metaspace"),
        ({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]}}, "Lowercase"),
    ],
)
def test_an_unknown_pre_tokenizer_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        recognise(bpe(GPT2_WORDS, []) | changes)


def test_tokens_added_by_any_file_get_their_type(tmp_path: Path) -> None:
    tokenizer = bpe(GPT2_WORDS, ["<|endoftext|>"])
    plain = {"id": 263, "content": "a\u2581b", "special": False}
    tokenizer["added_tokens"] += [plain, {"id": 264, "content": "<|seems|>", "special": False}]
    write_json(tmp_path / "config.json", {})
    write_json(tmp_path / "tokenizer.json", tokenizer)
    write_json(tmp_path / "tokenizer_config.json", {"pad_token": {"content": "<fill>"}, "eos_token": "the"})
    keys = KeyValues()
    add_bpe(tmp_path, Config({"vocab_size": 267}), keys)
    found = dict(keys)
    tokens, types = found["tokenizer.ggml.tokens"].content, found["tokenizer.ggml.token_type"].content
    assert isinstance(tokens, list)
    assert isinstance(types, list)
    assert tokens[262:] == ["<|endoftext|>", "a b", "<|seems|>", "<fill>", "[PAD266]"]
    control, plain_type, unused = TokenType.CONTROL, TokenType.USER_DEFINED, TokenType.UNUSED
    assert types[262:] == [control, plain_type, control, control, unused]
    assert types[tokens.index("the")] is control


def test_named_templates(tmp_path: Path) -> None:
    found = KeyValues()
    add_sentencepiece(make("tiny-sentencepiece-v2", tmp_path), Config({"vocab_size": 520}), found)
    keys = dict(found)
    assert keys["tokenizer.chat_templates"].content == ["tool_use"]
    assert keys["tokenizer.chat_template.tool_use"].content == "{{ tools }}"
    assert str(keys["tokenizer.chat_template"].content).startswith("{% for message in messages %}")
