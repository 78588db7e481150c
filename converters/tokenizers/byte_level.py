"""Byte-level BPE vocabularies, as GPT-2, Llama 3, Qwen and GLM-4 have them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, Config, read_json, read_json_if_there, read_text
from converters.keyvalues import KeyValues, ValueType
from converters.tokenizers import ranks
from converters.tokenizers.added import read_added
from converters.tokenizers.letters import LETTERS, from_letters
from converters.tokenizers.pretokenizer import name_for_family, name_of_class, recognise
from converters.tokenizers.source import Source
from converters.tokenizers.token import TokenType, added_type, token_id, vocab_size

BYTE_SPACE = LETTERS[ord(" ")]
CLEANED = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")
"""What transformers shortens when it cleans up decoded text: the first space goes (both of the fifth)."""


def add_vocabulary(folder: Path, config: Config, keys: KeyValues, family: str = "") -> Mapping[str, int]:
    """Adds the vocabulary of `folder`, filled up with unused tokens to `vocab_size`; raises ConversionError.

    `family` is whose name for the pre-tokenizer is wanted, config.json's `model_type` when empty. Gives the numbers of
    the added tokens by their text.
    """
    return add_source(_read(folder, family or str(config.get("model_type"))), folder, config, keys)


def add_source(source: Source, folder: Path, config: Config, keys: KeyValues) -> Mapping[str, int]:
    """As `add_vocabulary`, for a vocabulary that is read already."""
    n_vocab = vocab_size(config)
    cleans = bool(read_json_if_there(folder / "tokenizer_config.json").get("clean_up_tokenization_spaces"))
    texts: list[str] = [f"[PAD{number}]" for number in range(n_vocab)]
    types: list[TokenType] = [TokenType.UNUSED] * n_vocab
    for text, number in source.vocabulary.items():
        if number >= n_vocab:
            raise ConversionError(
                f"{source.path} numbers a token {number} where config.json has a vocabulary of {n_vocab}; "
                "the folder mixes two models, download it again."
            )
        if types[number] is not TokenType.UNUSED:
            raise ConversionError(f"{source.path} gives two tokens the number {number}; download it again.")
        texts[number], types[number] = text, TokenType.NORMAL
        if (entry := source.added.get(text)) is not None:
            shown = text if entry.normalized else _as_decoded(text, source.decodes_bytes, cleans)
            texts[number], types[number] = added_type(shown, entry.special)
    if len(set(texts)) != n_vocab:
        raise ConversionError(f"{source.path} has two tokens of one text, which llama.cpp cannot hold.")
    keys.string("tokenizer.ggml.model", "gpt2")
    keys.string("tokenizer.ggml.pre", source.pre)
    keys.array("tokenizer.ggml.tokens", ValueType.STRING, texts)
    keys.array("tokenizer.ggml.token_type", ValueType.INT32, types)
    keys.array("tokenizer.ggml.merges", ValueType.STRING, source.merges)
    return {text: source.vocabulary[text] for text in source.added}


def _read(folder: Path, family: str) -> Source:
    if (path := folder / "tokenizer.json").exists():
        return _from_json(path, family)
    if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
        return _from_parts(folder)
    if ranks.is_file(folder / "tokenizer.model"):
        return ranks.glm(folder)
    if (folder / "qwen.tiktoken").exists():
        return ranks.qwen(folder)
    raise ConversionError(
        f"{folder} has none of tokenizer.json, tokenizer.model, and vocab.json with merges.txt that can be read; "
        "download the tokenizer's files too."
    )


def _from_json(path: Path, family: str) -> Source:
    tokenizer = read_json(path, TOKENIZER_LIMIT)
    model = tokenizer.get("model")
    if not isinstance(model, dict) or not isinstance(model.get("vocab"), dict) or model.get("type", "BPE") != "BPE":
        raise ConversionError(
            f"{path} is no byte-level BPE tokenizer, the only kind of tokenizer.json that can be read."
        )
    if model.get("byte_fallback"):
        raise ConversionError(f"{path} is a SentencePiece vocabulary in another form; add the model's tokenizer.model.")
    if model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"):
        raise ConversionError(f"{path} marks the parts of words, which llama.cpp's BPE cannot do.")
    splits = recognise(tokenizer)
    vocabulary = {text: token_id(number, path) for text, number in model["vocab"].items()}
    added = read_added(path.parent, tokenizer, vocabulary)
    merges = _merges(model, path) or _merges_file(path.parent)
    pre = name_for_family(splits, family, lambda: _make_all(merges, [text for text in vocabulary if text not in added]))
    return Source(path, vocabulary, merges, pre, added, _decodes_bytes(tokenizer.get("decoder")))


def _from_parts(folder: Path) -> Source:
    path = folder / "vocab.json"
    vocabulary = {text: token_id(number, path) for text, number in read_json(path, TOKENIZER_LIMIT).items()}
    pre = name_of_class(read_json_if_there(folder / "tokenizer_config.json").get("tokenizer_class"))
    added = read_added(folder, {}, vocabulary)
    return Source(path, vocabulary, _merges_file(folder), pre, added, decodes_bytes=True)


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


def _merges_file(folder: Path) -> Sequence[str]:
    path = folder / "merges.txt"
    if not path.exists():
        return ()
    lines = read_text(path, TOKENIZER_LIMIT).split("\n")
    pairs = [line.split() for line in (lines[1:] if lines[0].startswith("#") else lines)]
    return [f"{pair[0]} {pair[1]}" for pair in pairs if len(pair) == 2]


def _make_all(merges: Sequence[str], tokens: Iterable[str]) -> bool:
    """Whether merging the letters of each token gives that token."""
    ranks = {merge: rank for rank, merge in enumerate(merges)}
    none = len(ranks)
    for token in tokens:
        parts = list(token)
        while len(parts) > 1:
            pairs = range(len(parts) - 1)
            rank, at = min((ranks.get(f"{parts[at]} {parts[at + 1]}", none), at) for at in pairs)
            if rank == none:
                return False
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return True


def _decodes_bytes(decoder: object) -> bool:
    if not isinstance(decoder, dict):
        return False
    inner = decoder.get("decoders")
    steps = inner if isinstance(inner, list) else [decoder]
    return any(isinstance(step, dict) and step.get("type") == "ByteLevel" for step in steps)


def _as_decoded(text: str, decodes_bytes: bool, cleans: bool) -> str:
    # llama.cpp looks for added tokens in plain text, so they are written as they come out of the decoder.
    data = from_letters(text) if decodes_bytes else None
    if data is not None:
        text = data.decode("utf-8", "replace")
    for part in CLEANED if cleans else ():
        text = text.replace(part, part.strip())
    return text
