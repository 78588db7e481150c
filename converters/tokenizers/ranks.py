"""tiktoken's files: each token's bytes in base64, and its rank, which is its number."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, read_bytes
from converters.tokenizers.added import Added, read_added
from converters.tokenizers.letters import to_letters
from converters.tokenizers.source import Source

LONGEST = 1024
"""Bytes of a token; the longest in use are under 200."""
QWEN_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{number}|>" for number in range(205)))


def is_file(path: Path) -> bool:
    """Whether `path` begins as a file of ranks."""
    try:
        with path.open("rb") as file:
            _entry(file.read(4096).split(b"\n")[0])
    except (OSError, ValueError):
        return False
    return True


def glm(folder: Path) -> Source:
    """GLM-4's remote-code form: `tokenizer.model`, its special tokens in tokenizer_config.json."""
    path = folder / "tokenizer.model"
    found = read_ranks(path)
    vocabulary = {to_letters(token): rank for token, rank in found.items()}
    added = read_added(folder, {}, vocabulary)
    merges = last_merges(found)
    if merges is None:
        # Tokens that only a whole word can be: llama.cpp looks words up whole under this name.
        return Source(path, vocabulary, all_merges(found), "glm4", added, decodes_bytes=False)
    return Source(path, vocabulary, merges, "chatglm-bpe", added, decodes_bytes=False)


def qwen(folder: Path) -> Source:
    """The first Qwen: `qwen.tiktoken`; its code numbers the special tokens from the last rank on."""
    path = folder / "qwen.tiktoken"
    found = read_ranks(path)
    specials = {text: number for number, text in enumerate(QWEN_SPECIALS, len(found))}
    vocabulary = {to_letters(token): rank for token, rank in found.items()} | specials
    added = {text: Added(special=True, normalized=True) for text in specials}
    merges = last_merges(found)
    if merges is None:
        raise ConversionError(f"{path} has a token that no two others make, which llama.cpp's Qwen cannot do.")
    return Source(path, vocabulary, merges, "qwen2", added, decodes_bytes=False)


def read_ranks(path: Path) -> dict[bytes, int]:
    """Ranks by token, in order; raises ConversionError for a damaged file."""
    try:
        entries = [_entry(line) for line in read_bytes(path, TOKENIZER_LIMIT).split(b"\n") if line.strip()]
        found = dict(entries)
        if len(found) != len(entries) or sorted(found.values()) != list(range(len(found))):
            raise ValueError("a token or a rank twice, or a rank left out")
        if not all(bytes([byte]) in found for byte in range(256)):
            raise ValueError("a byte without a token")
    except ValueError as error:
        raise ConversionError(f"{path} is no sound tiktoken file ({error}); download it again.") from error
    return found


def all_merges(found: Mapping[bytes, int]) -> list[str]:
    """Every pair of tokens that makes a token, by its rank, then by theirs, as transformers lists them."""
    pairs = [
        (rank, found[token[:at]], found[token[at:]], token[:at], token[at:])
        for token, rank in found.items()
        for at in range(1, len(token))
        if token[:at] in found and token[at:] in found
    ]
    return [f"{to_letters(left)} {to_letters(right)}" for _, _, _, left, right in sorted(pairs)]


def last_merges(found: Mapping[bytes, int]) -> list[str] | None:
    """For each token the one pair that lower ranks leave of it; None when they leave more than a pair of one.

    Enough for tiktoken's ids: within a token nothing but lower ranks can come first.
    """
    pairs = []
    for token, rank in found.items():
        if len(token) == 1:
            continue
        parts = _merged(found, token, rank)
        if len(parts) != 2:
            return None
        pairs.append(f"{to_letters(parts[0])} {to_letters(parts[1])}")
    return pairs


def _merged(found: Mapping[bytes, int], token: bytes, below: int) -> list[bytes]:
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 1:
        lowest, at = min((found.get(parts[at] + parts[at + 1], below), at) for at in range(len(parts) - 1))
        if lowest >= below:
            break
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def _entry(line: bytes) -> tuple[bytes, int]:
    try:
        encoded, rank = line.split()
        if not rank.isdigit() or len(rank) > 9:
            raise ValueError("a rank that is no number")
        token = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise ValueError("a token that is not in base64") from error
    if not 0 < len(token) <= LONGEST:
        raise ValueError("a token without bytes, or with too many")
    return token, int(rank)
