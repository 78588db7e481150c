"""Tokenizers, one file a kind; which one a checkpoint has shows in its files."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import Config, read_json_if_there
from converters.keyvalues import KeyValues


def add_tokenizer(folder: Path, config: Config, keys: KeyValues) -> None:
    """Adds the `tokenizer.*` keys; raises ConversionError when the files are missing, damaged or of another kind."""
    n_vocab = config.integer("vocab_size")
    space_prefix = read_json_if_there(folder / "tokenizer_config.json").get("add_prefix_space")
    if space_prefix is not None:
        keys.boolean("tokenizer.ggml.add_space_prefix", bool(space_prefix))
    if (folder / "tokenizer.model").exists():
        from converters.tokenizers import sentencepiece

        sentencepiece.add(folder, n_vocab, keys)
    elif (folder / "tokenizer.json").exists():
        from converters.tokenizers import bpe

        bpe.add(folder, n_vocab, keys)
    else:
        raise ConversionError(
            f"{folder} has neither tokenizer.model nor tokenizer.json; download the tokenizer's files too."
        )
