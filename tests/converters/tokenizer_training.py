"""Small tokenizers of each family's structure, trained on the spot on the starter's text."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from checkpoints import LLAMA3_REGEX, QWEN2_REGEX, split_then_bytes, write_json
from sentencepiece import SentencePieceProcessor, SentencePieceTrainer
from tokenizer_cases import GLM_SPECIALS, GPT2_WORDS, entry
from tokenizer_lines import CODE, EMOJI, OTHERS, texts
from tokenizers import Tokenizer, pre_tokenizers, trainers

from converters.tokenizers.letters import from_letters
from converters.tokenizers.pretokenizer import DEEPSEEK3, DIGITS_TOGETHER, GPT4O, MARKED, TEKKEN

N_VOCAB = 1600
SPECIALS = (("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True), ("<tool_call>", False))
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


def splits(*regexes: str) -> dict[str, Any]:
    """Regular expressions one after the other, then bytes as letters."""
    steps: list[dict[str, Any]] = [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False} for regex in regexes
    ]
    return {"type": "Sequence", "pretokenizers": [*steps, BYTES]}


def digits_then_words(individual: bool = True) -> dict[str, Any]:
    """SmolLM's and StarCoder's pre-tokenizer."""
    digits = {"type": "Digits", "individual_digits": individual}
    return {"type": "Sequence", "pretokenizers": [digits, GPT2_WORDS]}


BYTE_LEVEL: dict[str, tuple[dict[str, Any], bool, str | None, str]] = {
    "llama3": (split_then_bytes(LLAMA3_REGEX), True, None, "llama-bpe"),
    "smaug": (split_then_bytes(LLAMA3_REGEX), False, None, "smaug-bpe"),
    "glm4": (split_then_bytes(LLAMA3_REGEX), True, None, "glm4"),
    "olmo2": (split_then_bytes(LLAMA3_REGEX), False, None, "dbrx"),
    "qwen2": (split_then_bytes(QWEN2_REGEX), False, "NFC", "qwen2"),
    "qwen3_5": (splits(MARKED[0]), False, "NFC", "qwen35"),
    "gpt2": (GPT2_WORDS, False, None, "gpt-2"),
    "smollm": (digits_then_words(), False, None, "smollm"),
    "granite": (digits_then_words(), False, None, "refact"),
    "mistral": (splits(TEKKEN), True, None, "tekken"),
    "gpt_4o": (splits(GPT4O[0]), False, None, "gpt-4o"),
    "minicpm5": (splits(r"\p{N}{1,3}", DIGITS_TOGETHER[0]), True, None, "minicpm5"),
    "deepseek_v3": (splits(*(str(regex) for _, regex in DEEPSEEK3)), False, None, "deepseek-v3"),
}
"""By model_type: pre-tokenizer, ignore_merges, normaliser, and llama.cpp's name."""


@cache
def corpus() -> list[str]:
    """What the tokenizers learn from: every other line of the text, and some of everything else."""
    return [*texts()[::2], *(CODE * 8), *(OTHERS * 3), *(EMOJI * 2)]


def byte_level(folder: Path, kind: str) -> None:
    """Writes a checkpoint's tokenizer of `kind`, a key of BYTE_LEVEL."""
    pre_tokenizer, ignore_merges, normalizer, _ = BYTE_LEVEL[kind]
    empty = {"version": "1.0", "added_tokens": [], "pre_tokenizer": pre_tokenizer, "model": _model({}, [], False)}
    tokenizer = Tokenizer.from_str(json.dumps({**empty, "normalizer": normalizer and {"type": normalizer}}))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=N_VOCAB, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(corpus(), trainer)
    found = json.loads(tokenizer.to_str())
    merges = found["model"]["merges"]
    if ignore_merges:
        # Tokens that only a whole word can be, of which Llama 3 and GLM-4 have many.
        parts = {part for merge in merges for part in merge}
        merges = [merge for at, merge in enumerate(merges) if at % 3 or "".join(merge) in parts]
    found["model"] = _model(found["model"]["vocab"], merges, ignore_merges)
    first = len(found["model"]["vocab"])
    found["added_tokens"] = [entry(first + at, text, special) for at, (text, special) in enumerate(SPECIALS)]
    found["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    write_json(folder / "tokenizer.json", found)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    config = {"model_type": kind, "vocab_size": first + 16, "bos_token_id": first, "eos_token_id": first}
    write_json(folder / "config.json", config)


def _model(vocabulary: Mapping[str, int], merges: list[Any], ignore_merges: bool) -> dict[str, Any]:
    return {"type": "BPE", "vocab": vocabulary, "merges": merges, "ignore_merges": ignore_merges}


def pieces(folder: Path, kind: str, **options: Any) -> SentencePieceProcessor:
    """Writes a SentencePiece model of `kind` (bpe or unigram), and gives the library's reader of it."""
    written = io.BytesIO()
    settings = {"byte_fallback": True, "normalization_rule_name": "identity", "remove_extra_whitespaces": False}
    SentencePieceTrainer.Train(
        sentence_iterator=iter(corpus()),
        model_writer=written,
        model_type=kind,
        vocab_size=N_VOCAB,
        character_coverage=0.995,
        num_threads=1,
        minloglevel=2,
        **{**settings, **options},
    )
    (folder / "tokenizer.model").write_bytes(written.getvalue())
    config = {"model_type": "llama", "vocab_size": N_VOCAB, "bos_token_id": 1, "eos_token_id": 2}
    write_json(folder / "config.json", config)
    return SentencePieceProcessor(model_proto=written.getvalue())


def json_form(folder: Path, library: SentencePieceProcessor, prefix: str) -> None:
    """Writes the SentencePiece BPE model in `folder` as a tokenizer.json instead, as transformers does.

    `prefix`: the space in front comes from a normaliser (Llama 2), from Metaspace (newer), or not at all (Gemma).
    """
    held = {library.id_to_piece(number): number for number in range(library.vocab_size())}
    merges = sorted(
        (number, held[piece[:at]], held[piece[at:]], piece[:at], piece[at:])
        for piece, number in held.items()
        for at in range(1, len(piece))
        if piece[:at] in held and piece[at:] in held
    )
    model: dict[str, Any] = _model(held, [[left, right] for *_, left, right in merges], ignore_merges=False)
    model |= {"unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True, "dropout": None}
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    before = {"type": "Prepend", "prepend": "\u2581"}
    normalizers = {"normalizer": {"type": "Sequence", "normalizers": [before, space]}, "none": space}
    meta = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": False}
    decoder = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}
    first = len(held)
    added = [entry(number, text) for text, number in held.items() if text in ("<unk>", "<s>", "</s>")]
    # Gemma lists its runs of spaces, which are found in no text, because spaces are still spaces then.
    added += [entry(held[piece], piece, False) for piece in held if len(piece) > 1 and not piece.strip("\u2581")]
    added += [entry(first + at, text, special) for at, (text, special) in enumerate(SPECIALS)]
    found = {"version": "1.0", "added_tokens": added, "normalizer": normalizers.get(prefix), "decoder": decoder}
    found |= {"pre_tokenizer": meta if prefix == "metaspace" else None, "model": model}
    write_json(folder / "tokenizer.json", found)
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    write_json(folder / "config.json", {"vocab_size": first + 8, "bos_token_id": 1, "eos_token_id": 2})
    (folder / "tokenizer.model").unlink()


RANK_SPECIALS = {
    "chatglm": (*GLM_SPECIALS, "<|begin_of_image|>"),
    "qwen": ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{at}|>" for at in range(205))),
}


def ranks(folder: Path, whole_words: bool) -> dict[bytes, int]:
    """The byte-level tokenizer in `folder` as tiktoken has it; `whole_words` adds tokens that no two others make."""
    found = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]
    texts = [text for text, _ in sorted(found["vocab"].items(), key=lambda pair: pair[1])]
    tokens = [from_letters(text) or b"" for text in texts]
    if whole_words:
        tokens += [
            token for word in (" tokenizer", " convert", "模型文件", " 345") if (token := word.encode()) not in tokens
        ]
    return {token: rank for rank, token in enumerate(tokens)}
