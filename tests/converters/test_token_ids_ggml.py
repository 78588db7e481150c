"""The vocabularies of real models in llama.cpp's source: rebuilt as checkpoints, converted, and read again.

Runs when AUTOGLM_LITE_LLAMA_CPP names the source's folder. Each `ggml-vocab-NAME.gguf` has lines of text in `.inp`
and the ids that the model's own tokenizer gives them in `.out`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checkpoints import LLAMA3_REGEX, QWEN2_REGEX, bpe, split_then_bytes, write_json
from gguf import GGUFReader
from test_token_ids import long_s
from tokenizer_cases import GPT2_WORDS, entry, write_model
from tokenizer_lines import lines
from tokenizer_training import digits_then_words, splits
from tokenizers import Tokenizer
from vocabulary import converted, encode, run

from converters.tokenizers.pretokenizer import MARKED
from converters.tokenizers.token import TokenType

SOURCE = os.environ.get("AUTOGLM_LITE_LLAMA_CPP")
SEPARATOR = "\n__ggml_vocab_test__\n"
BYTE_LEVEL: dict[str, tuple[dict[str, Any], bool]] = {
    "gpt-2": (GPT2_WORDS, False),
    "llama-bpe": (split_then_bytes(LLAMA3_REGEX), True),
    "qwen2": (split_then_bytes(QWEN2_REGEX), False),
    "qwen35": (splits(MARKED[0]), False),
    "refact": (digits_then_words(), False),
    "starcoder": (digits_then_words(), False),
    "command-r": (digits_then_words(), False),
    "mpt": (GPT2_WORDS, False),
}
SENTENCEPIECE = ("llama-spm", "phi-3")
AS_JSON = ("gemma-4",)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SOURCE, reason="AUTOGLM_LITE_LLAMA_CPP names no source of llama.cpp"),
]


def read(name: str) -> dict[str, Any]:
    """The `tokenizer.ggml.*` values of a vocabulary, without that prefix."""
    fields = GGUFReader(Path(SOURCE or "", "models", f"ggml-vocab-{name}.gguf")).fields
    prefix = "tokenizer.ggml."
    return {key.removeprefix(prefix): held.contents() for key, held in fields.items() if key.startswith(prefix)}


def write_byte_level(folder: Path, held: dict[str, Any], name: str) -> None:
    """The vocabulary as a tokenizer.json."""
    pre_tokenizer, ignore_merges = BYTE_LEVEL[name]
    tokenizer = bpe(pre_tokenizer, [], ignore_merges=ignore_merges, merges=held["merges"])
    _write(folder, held, tokenizer)


def write_as_json(folder: Path, held: dict[str, Any], name: str) -> None:
    """The vocabulary as a tokenizer.json with bytes by fallback."""
    merges = [[merge[:at], merge[at + 1 :]] for merge in held["merges"] for at in [merge.index(" ", 1)]]
    tokenizer = bpe(None, [], byte_fallback=True, merges=merges, unk_token="<unk>", fuse_unk=True)
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    _write(folder, held, tokenizer)


def _write(folder: Path, held: dict[str, Any], tokenizer: dict[str, Any]) -> None:
    types = held["token_type"]
    sorts = (TokenType.CONTROL, TokenType.USER_DEFINED)
    tokenizer["model"]["vocab"] = {text: at for at, text in enumerate(held["tokens"]) if types[at] != TokenType.UNUSED}
    tokenizer["added_tokens"] = [
        entry(at, text, types[at] == TokenType.CONTROL) for at, text in enumerate(held["tokens"]) if types[at] in sorts
    ]
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "config.json", {"vocab_size": len(held["tokens"])})


def write_sentencepiece(folder: Path, held: dict[str, Any], name: str) -> None:
    """The vocabulary as a tokenizer.model, with what is beyond Llama's own pieces in tokenizer_config.json."""
    pieces = list(zip(held["tokens"], held["scores"], held["token_type"], strict=True))
    write_model(folder / "tokenizer.model", pieces[:32000])
    decoder = {
        str(at): {"content": text, "special": kind == TokenType.CONTROL}
        for at, (text, _, kind) in enumerate(pieces)
        if at >= 32000
    }
    write_json(folder / "tokenizer_config.json", {"added_tokens_decoder": decoder, "tokenizer_class": "LlamaTokenizer"})
    write_json(folder / "config.json", {"vocab_size": len(pieces), "bos_token_id": 1, "eos_token_id": 2})


WRITERS: dict[str, tuple[Callable[[Path, dict[str, Any], str], None], str]] = {
    **dict.fromkeys(BYTE_LEVEL, (write_byte_level, "bpe")),
    **dict.fromkeys(AS_JSON, (write_as_json, "automatic")),
    "llama-spm": (write_sentencepiece, "llama"),
    "phi-3": (write_sentencepiece, "phi3"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_ids_are_those_of_the_model(name: str, tmp_path: Path) -> None:
    write, way = WRITERS[name]
    write(tmp_path, read(name), name)
    models = Path(SOURCE or "", "models", f"ggml-vocab-{name}.gguf")
    texts = models.with_name(models.name + ".inp").read_bytes().decode("utf-8").split(SEPARATOR)
    expected = models.with_name(models.name + ".out").read_text("utf-8").split("\n")
    with run(converted(tmp_path, way), tmp_path) as model:
        found = [encode(model, text) for text in texts]
    assert found == [[int(number) for number in line.split()] for line in expected[: len(texts)]]


@pytest.mark.parametrize("name", [*BYTE_LEVEL, *AS_JSON])
def test_ids_of_mixed_lines(name: str, tmp_path: Path) -> None:
    """The same vocabularies on our own lines, against the `tokenizers` library."""
    write, way = WRITERS[name]
    write(tmp_path, read(name), name)
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    with run(converted(tmp_path, way), tmp_path) as model:
        for text in lines(3000):
            # llama.cpp makes a special token of any that has the text of a known end.
            if not long_s(text) and "</s>" not in text:
                assert encode(model, text) == library.encode(text, add_special_tokens=False).ids, repr(text)
