"""Byte-level BPE vocabularies in `tokenizer.json`, as GPT-2, Llama 3 and Qwen have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, read_json, read_json_if_there
from converters.keyvalues import KeyValues, ValueType
from converters.tokenizers.pretokenizer import recognise
from converters.tokenizers.special import SPECIAL_NAMES, add_special, declared_text
from converters.tokenizers.token import TokenType, added_type, token_id, token_text

BYTE_SPACE = "\u0120"
"""The letter by which byte-level BPE writes a space."""


def add(folder: Path, n_vocab: int, keys: KeyValues) -> None:
    """Adds the vocabulary of `folder`, filled up with unused tokens to `n_vocab`; raises ConversionError."""
    path = folder / "tokenizer.json"
    tokenizer = read_json(path, TOKENIZER_LIMIT)
    model = _model(tokenizer, path)
    pre = recognise(tokenizer)
    vocabulary = {text: token_id(number, path) for text, number in model["vocab"].items()}
    added = _added(tokenizer, folder, path, vocabulary)
    texts = [f"[PAD{number}]" for number in range(n_vocab)]
    types = [TokenType.UNUSED] * n_vocab
    for text, number in vocabulary.items():
        if number >= n_vocab:
            raise ConversionError(
                f"{path} numbers a token {number} where config.json has a vocabulary of {n_vocab}; "
                "the folder mixes two models, download it again."
            )
        if types[number] is not TokenType.UNUSED:
            raise ConversionError(f"{path} gives two tokens the number {number}; download it again.")
        texts[number], types[number] = added_type(text, added[text]) if text in added else (text, TokenType.NORMAL)
    keys.string("tokenizer.ggml.model", "gpt2")
    keys.string("tokenizer.ggml.pre", pre)
    keys.array("tokenizer.ggml.tokens", ValueType.STRING, texts)
    keys.array("tokenizer.ggml.token_type", ValueType.INT32, types)
    keys.array("tokenizer.ggml.merges", ValueType.STRING, _merges(model, path))
    add_special(folder, n_vocab, keys)


def _model(tokenizer: dict[str, Any], path: Path) -> dict[str, Any]:
    model = tokenizer.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict) or model.get("type", "BPE") != "BPE":
        raise ConversionError(
            f"{path} is no byte-level BPE tokenizer, the only kind of tokenizer.json that can be read."
        )
    if model.get("byte_fallback"):
        raise ConversionError(f"{path} is a SentencePiece vocabulary in another form; add the model's tokenizer.model.")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise ConversionError(f"{path} marks the parts of words, which llama.cpp's BPE cannot do.")
    return model


def _added(tokenizer: dict[str, Any], folder: Path, path: Path, vocabulary: dict[str, int]) -> dict[str, bool]:
    """Added tokens and whether each is special, from all files that name some; missing ones join `vocabulary`.

    Their order and numbers are those of transformers: tokenizer.json, then tokenizer_config.json's
    `added_tokens_decoder`, then the named special tokens.
    """
    config_path = folder / "tokenizer_config.json"
    config = read_json_if_there(config_path)
    entries, decoder = tokenizer.get("added_tokens") or [], config.get("added_tokens_decoder") or {}
    if not isinstance(entries, list) or not isinstance(decoder, dict):
        raise ConversionError(
            f"{path} or {config_path.name} lists its added tokens in an unknown way; download it again."
        )
    added: dict[str, bool] = {}
    for entry in entries:
        text = token_text(entry, path)
        added[text] = bool(entry.get("special"))
        vocabulary.setdefault(text, token_id(entry.get("id"), path))
    for _, entry in sorted((token_id(number, config_path), entry) for number, entry in decoder.items() if entry):
        added.setdefault(token_text(entry, config_path), bool(entry.get("special")))
    extra = config.get("additional_special_tokens") or []
    named = [config.get(f"{name}_token") for name in SPECIAL_NAMES] + (extra if isinstance(extra, list) else [])
    added.update((text, added.get(text, True)) for text in map(declared_text, named) if text)
    for text in added:
        vocabulary.setdefault(text, max(vocabulary.values(), default=-1) + 1)
    return added


def _merges(model: dict[str, Any], path: Path) -> Sequence[str]:
    merges = model.get("merges")
    if isinstance(merges, list):
        joined = [_join(merge) for merge in merges]
        if all(merge is not None for merge in joined):
            return [merge for merge in joined if merge is not None]
    raise ConversionError(f"{path} lists its merges in an unknown way; download it again.")


def _join(merge: object) -> str | None:
    match merge:
        case str(both):
            return both
        case [str(left), str(right)]:
            return f"{left.replace(' ', BYTE_SPACE)} {right.replace(' ', BYTE_SPACE)}"
    return None
