"""The tokens that a tokenizer's files add to its vocabulary, as transformers puts them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError
from converters.config import read_json_if_there
from converters.tokenizers.special import SPECIAL_NAMES, declared_text
from converters.tokenizers.token import token_id, token_text

END = "<|endoftext|>"
DEFAULTS = {
    "GPT2Tokenizer": {"unk": END, "bos": END, "eos": END},
    "Qwen2Tokenizer": {"unk": END, "eos": END, "pad": END},
}
"""Special tokens of transformers' tokenizer classes where tokenizer_config.json says nothing."""


@dataclass(frozen=True, slots=True)
class Added:
    """How an added token is treated."""

    special: bool
    normalized: bool = False
    """Whether it is looked for after the text was normalised, so that its text is in normal form already."""


def read_added(folder: Path, tokenizer: Mapping[str, Any], vocabulary: dict[str, int]) -> dict[str, Added]:
    """Added tokens by text, from all files that name some; those not in `vocabulary` join it.

    Order and numbers are those of transformers: tokenizer.json, then tokenizer_config.json's
    `added_tokens_decoder`, or added_tokens.json in its place, then the named special tokens.
    Raises ConversionError.
    """
    path, config_path = folder / "tokenizer.json", folder / "tokenizer_config.json"
    config = read_json_if_there(config_path)
    entries, decoder = tokenizer.get("added_tokens") or [], config.get("added_tokens_decoder") or {}
    if not isinstance(entries, list) or not isinstance(decoder, dict):
        raise ConversionError(
            f"{path} or {config_path.name} lists its added tokens in an unknown way; download it again."
        )
    added: dict[str, Added] = {}
    for entry in entries:
        text = token_text(entry, path)
        added[text] = _flags(entry)
        vocabulary.setdefault(text, token_id(entry.get("id"), path))
    later = [(token_id(number, config_path), entry) for number, entry in decoder.items()]
    legacy = "added_tokens_decoder" not in config
    if legacy:
        config = read_json_if_there(folder / "special_tokens_map.json") | config
        later = _legacy(folder / "added_tokens.json")
    names = _named(config)
    for number, entry in sorted(later, key=lambda pair: pair[0]):
        text = token_text(entry, config_path)
        if legacy and text in added:
            # The older files say less than tokenizer.json.
            continue
        flags = _flags(entry)
        added[text] = Added(flags.special or text in names, flags.normalized)
        if not tokenizer:
            vocabulary.setdefault(text, number)
    for text in names:
        added.setdefault(text, Added(special=True))
    for text in added:
        if text not in vocabulary:
            vocabulary[text] = max(vocabulary.values(), default=-1) + 1
    return added


def _flags(entry: Mapping[str, Any]) -> Added:
    special = bool(entry.get("special"))
    return Added(special, bool(entry.get("normalized", not special)))


def _legacy(path: Path) -> list[tuple[int, dict[str, Any]]]:
    tokens = read_json_if_there(path)
    return [(token_id(number, path), {"content": text, "special": False}) for text, number in tokens.items()]


def _named(config: Mapping[str, Any]) -> list[str]:
    kind = str(config.get("tokenizer_class")).removesuffix("Fast")
    defaults = {f"{name}_token": text for name, text in DEFAULTS.get(kind, {}).items()} | dict(config)
    named = [defaults.get(f"{name}_token") for name in SPECIAL_NAMES]
    for key in ("additional_special_tokens", "extra_special_tokens"):
        more = config.get(key)
        named += more.values() if isinstance(more, dict) else more if isinstance(more, list) else []
    return list(dict.fromkeys(text for text in map(declared_text, named) if text))
