"""SentencePiece BPE in the form of `tokenizer.json`: bytes by fallback, spaces as U+2581."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, Config, read_json
from converters.keyvalues import KeyValues
from converters.tokenizers.added import Added, read_added
from converters.tokenizers.pretokenizer import puts_space_in_front
from converters.tokenizers.special import add_special, read_special
from converters.tokenizers.spm import ADDED_SCORE, UNUSED_SCORE, add_lists
from converters.tokenizers.token import LOWER_ONE_EIGHTH_BLOCK, TokenType, token_id, vocab_size

BYTE = re.compile("<0x[0-9A-Fa-f]{2}>")


def is_vocabulary(path: Path) -> bool:
    """Whether `path` is there and is a vocabulary of this form."""
    if not path.exists():
        return False
    model = read_json(path, TOKENIZER_LIMIT).get("model")
    return isinstance(model, dict) and model.get("type", "BPE") == "BPE" and bool(model.get("byte_fallback"))


def add(folder: Path, config: Config, keys: KeyValues) -> None:
    """Adds the vocabulary of `folder`, filled up with unused tokens to `vocab_size`; raises ConversionError.

    llama.cpp merges by score, so each token gets the place of its merge; its own converter gives all tokens one
    score, and then merges from left to right, which is another tokenizer.
    """
    path, n_vocab = folder / "tokenizer.json", vocab_size(config)
    tokenizer = read_json(path, TOKENIZER_LIMIT)
    model = tokenizer["model"]
    if not isinstance(model.get("vocab"), dict):
        raise ConversionError(f"{path} has no vocabulary; download it again.")
    vocabulary = {text: token_id(number, path) for text, number in model["vocab"].items()}
    added = read_added(folder, tokenizer, vocabulary)
    texts = {number: text for text, number in vocabulary.items()}
    if len(texts) != len(vocabulary):
        raise ConversionError(f"{path} gives two tokens one number; download it again.")
    if max(texts, default=0) >= n_vocab:
        raise ConversionError(
            f"{path} numbers a token {max(texts)} where config.json has a vocabulary of {n_vocab}; "
            "the folder mixes two models, download it again."
        )
    add_lists("llama", "default", _tokens(texts, n_vocab, added, _scores(model, path)), keys)
    if not puts_space_in_front(tokenizer) and keys.get("tokenizer.ggml.add_space_prefix") is None:
        keys.boolean("tokenizer.ggml.add_space_prefix", False)
    add_special(read_special(folder, n_vocab), keys)


def _tokens(
    texts: Mapping[int, str], n_vocab: int, added: Mapping[str, Added], scores: Mapping[str, float]
) -> Iterator[tuple[str, float, TokenType]]:
    for number in range(n_vocab):
        text = texts.get(number)
        if text is None:
            yield f"[PAD{number}]", UNUSED_SCORE, TokenType.UNUSED
        elif BYTE.fullmatch(text):
            yield text, ADDED_SCORE, TokenType.BYTE
        elif text in added:
            # One that is looked for after normalising meets spaces as U+2581; llama.cpp looks in the plain text.
            shown = text.replace(LOWER_ONE_EIGHTH_BLOCK, " ") if added[text].normalized else text
            kind = TokenType.CONTROL if added[text].special else TokenType.USER_DEFINED
            yield shown, scores.get(text, ADDED_SCORE), kind
        else:
            yield text, scores.get(text, ADDED_SCORE), TokenType.NORMAL


def _scores(model: Mapping[str, Any], path: Path) -> dict[str, float]:
    merges = model.get("merges")
    scores: dict[str, float] = {}
    for rank, merge in enumerate(merges if isinstance(merges, list) else []):
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ConversionError(f"{path} lists its merges in an unknown way; download it again.")
        scores.setdefault("".join(parts), -float(rank))
    return scores
