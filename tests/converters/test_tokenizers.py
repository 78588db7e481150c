"""Tokenizers read as the libraries that made them read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from checkpoints import LLAMA3_REGEX, QWEN2_REGEX, STORIES, bpe, make, split_then_bytes, write_json
from sentencepiece import SentencePieceProcessor
from tokenizer_cases import GLM_SPECIALS, GPT2_WORDS, write_model, write_ranks

from autoglm_lite.errors import ConversionError
from converters.config import Config
from converters.keyvalues import KeyValues
from converters.tokenizers import bpe as add_bpe
from converters.tokenizers import chatglm
from converters.tokenizers import sentencepiece as add_sentencepiece
from converters.tokenizers.pieces import read_pieces
from converters.tokenizers.pretokenizer import name_for_family, recognise
from converters.tokenizers.ranks import all_merges, last_merges, read_ranks
from converters.tokenizers.special import read_special
from converters.tokenizers.token import TokenType

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
    ("kind", "splits", "name"),
    [
        ("glm4v_text", "llama-bpe", "glm4"),
        ("glm", "smaug-bpe", "chatglm-bpe"),
        ("olmo2", "smaug-bpe", "dbrx"),
        ("phi3", "smaug-bpe", "dbrx"),
        ("granite", "smollm", "refact"),
        ("llama", "smollm", "smollm"),
        ("llama", "smaug-bpe", "smaug-bpe"),
        ("qwen3", "qwen2", "qwen2"),
    ],
)
def test_a_family_has_its_own_name_for_the_same_splits(kind: str, splits: str, name: str) -> None:
    assert name_for_family(splits, kind) == name


@pytest.mark.parametrize(("more", "name"), [({}, "smaug-bpe"), ({"whole": 262}, "llama-bpe")])
def test_a_word_that_no_merges_make_needs_llama_bpe(more: dict[str, int], name: str, tmp_path: Path) -> None:
    tokenizer = bpe(split_then_bytes(LLAMA3_REGEX), [], ignore_merges=True)
    tokenizer["model"]["vocab"] |= more
    write_json(tmp_path / "tokenizer.json", tokenizer)
    keys = KeyValues()
    add_bpe(tmp_path, Config({"model_type": "smollm3", "vocab_size": 263}), keys)
    assert dict(keys)["tokenizer.ggml.pre"].content == name


def test_a_pattern_of_what_to_keep_is_the_same() -> None:
    kept = split_then_bytes(LLAMA3_REGEX)
    kept["pretokenizers"][0] |= {"behavior": "Removed", "invert": True}
    assert recognise(bpe(kept, [])) == "smaug-bpe"
    kept["pretokenizers"][0]["pattern"] = {"Regex": r"\p{N}{1,3}"}
    with pytest.raises(ConversionError, match="Removed"):
        recognise(bpe(kept, []))


def test_an_unknown_class_of_tokenizer_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "vocab.json", {"a": 0})
    (tmp_path / "merges.txt").write_text("")
    write_json(tmp_path / "tokenizer_config.json", {"tokenizer_class": "BlenderbotTokenizer"})
    with pytest.raises(ConversionError, match="BlenderbotTokenizer"):
        add_bpe(tmp_path, Config({"vocab_size": 4}), KeyValues())


BYTES = [bytes([byte]) for byte in range(256)]


def test_ranks_are_merges() -> None:
    """A token that lower ranks leave in three parts can be a whole word only."""
    found = {token: rank for rank, token in enumerate([*BYTES, b"ab", b"abc"])}
    assert last_merges(found) == ["a b", "ab c"]
    found |= {b"bcd": 258, b"abcd": 259}
    assert last_merges(found) is None
    assert all_merges(found) == ["a b", "ab c", "a bcd", "abc d"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"IQ== 0\n", "a byte without a token"),
        (b"IQ== 0\nIQ== 1\n", "twice"),
        (b"IQ== 1\n", "left out"),
        (b"!!! 0\n", "base64"),
        (b"IQ== x\n", "no number"),
        (b"IQ==\n", "no sound tiktoken file"),
    ],
)
def test_damaged_ranks(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.model").write_bytes(content)
    with pytest.raises(ConversionError, match=said):
        read_ranks(tmp_path / "tokenizer.model")


@pytest.mark.parametrize(("whole_words", "name"), [([], "chatglm-bpe"), ([b"bcd", b"xbcd", b"bcdy", b"xbcdy"], "glm4")])
def test_glm_ranks_are_named_by_whether_words_stay_whole(whole_words: list[bytes], name: str, tmp_path: Path) -> None:
    specials = enumerate(GLM_SPECIALS, 256 + len(whole_words))
    write_ranks(tmp_path / "tokenizer.model", [*BYTES, *whole_words])
    decoder = {str(number): {"content": text, "special": True} for number, text in specials}
    write_json(tmp_path / "tokenizer_config.json", {"added_tokens_decoder": decoder, "eos_token": GLM_SPECIALS[0]})
    keys = KeyValues()
    chatglm(tmp_path, Config({"padded_vocab_size": 300}), keys)
    assert dict(keys)["tokenizer.ggml.pre"].content == name
    assert dict(keys)["tokenizer.ggml.eos_token_id"].content == 256 + len(whole_words)


def test_chatglm3_numbers_its_special_tokens(tmp_path: Path) -> None:
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("a", -1.0, 1)]
    write_model(tmp_path / "tokenizer.model", pieces)
    keys = KeyValues()
    chatglm(tmp_path, Config({"padded_vocab_size": 16}), keys)
    tokens = dict(keys)["tokenizer.ggml.tokens"].content
    assert isinstance(tokens, list)
    assert tokens[:5] == ["<unk>", "<bos>", "<eos>", "a", "[MASK]"]
    assert tokens[12:14] == ["<|observation|>", "[PAD13]"]
    assert dict(keys)["tokenizer.ggml.pre"].content == "chatglm-spm"


def test_files_of_the_chat_template(tmp_path: Path) -> None:
    write_json(tmp_path / "tokenizer_config.json", {"tokenizer_class": "X"})
    write_json(tmp_path / "chat_template.json", {"chat_template": "json"})
    assert read_special(tmp_path).template == "json"
    (tmp_path / "chat_template.jinja").write_text("jinja")
    assert read_special(tmp_path).template == "jinja"
    (tmp_path / "additional_chat_templates").mkdir()
    (tmp_path / "additional_chat_templates" / "tools.jinja").write_text("tools")
    named = [{"name": "default", "template": "jinja"}, {"name": "tools", "template": "tools"}]
    assert read_special(tmp_path).template == named


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
