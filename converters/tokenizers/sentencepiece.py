"""SentencePiece vocabularies: `tokenizer.model`, and what the JSON files beside it add."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, read_bytes, read_json_if_there
from converters.keyvalues import KeyValues, ValueType
from converters.tokenizers.special import add_special
from converters.tokenizers.token import TokenType, added_type, token_id, token_text

PIECES_FIELD, TEXT_FIELD, SCORE_FIELD, TYPE_FIELD = 1, 1, 2, 3
"""Fields of `ModelProto` and `ModelProto.SentencePiece` in sentencepiece_model.proto."""

UNUSED_SCORE, ADDED_SCORE = -10000.0, -1000.0


def add(folder: Path, n_vocab: int, keys: KeyValues) -> None:
    """Adds the vocabulary of `folder`, filled up with unused tokens to `n_vocab`; raises ConversionError."""
    texts = [f"[PAD{number}]".encode() for number in range(n_vocab)]
    scores = [UNUSED_SCORE] * n_vocab
    types = [TokenType.UNUSED] * n_vocab

    def put(number: int, text: str, score: float, kind: TokenType) -> None:
        # Some checkpoints name tokens beyond their embedding, which can never be produced.
        if number < n_vocab:
            texts[number], scores[number], types[number] = text.encode("utf-8"), score, kind

    model = folder / "tokenizer.model"
    for number, (text, score, kind) in enumerate(read_pieces(model)):
        put(number, text, score, TokenType.NORMAL if kind is TokenType.USER_DEFINED else kind)
    added_path = folder / "added_tokens.json"
    for text, value in read_json_if_there(added_path).items():
        put(token_id(value, added_path), text, ADDED_SCORE, TokenType.USER_DEFINED)
    config_path = folder / "tokenizer_config.json"
    decoder = read_json_if_there(config_path).get("added_tokens_decoder", {})
    if not isinstance(decoder, dict):
        raise ConversionError(f"{config_path} gives added_tokens_decoder as no JSON object; download it again.")
    for value, entry in decoder.items():
        text, kind = added_type(token_text(entry, config_path), entry.get("special"))
        put(token_id(value, config_path), text, ADDED_SCORE, kind)
    keys.string("tokenizer.ggml.model", "llama")
    keys.string("tokenizer.ggml.pre", "default")
    keys.array("tokenizer.ggml.tokens", ValueType.STRING, texts)
    keys.array("tokenizer.ggml.scores", ValueType.FLOAT32, scores)
    keys.array("tokenizer.ggml.token_type", ValueType.INT32, types)
    add_special(folder, n_vocab, keys)


def read_pieces(path: Path) -> list[tuple[str, float, TokenType]]:
    """Text, score and type of each piece of a SentencePiece model; raises ConversionError for a damaged file.

    Read here rather than by the sentencepiece library, so that no native code meets an untrusted file.
    """
    try:
        pieces = [_piece(value) for field, value in _fields(read_bytes(path, TOKENIZER_LIMIT)) if field == PIECES_FIELD]
        if not pieces or len({text for text, _, _ in pieces}) != len(pieces):
            raise ValueError("no pieces, or the same twice")
    except (ValueError, struct.error) as error:
        raise ConversionError(f"{path} is no sound SentencePiece model ({error}); download it again.") from error
    return pieces


def _piece(message: object) -> tuple[str, float, TokenType]:
    if not isinstance(message, bytes):
        raise ValueError("a piece that is no message")
    text, score, kind = "", 0.0, TokenType.NORMAL
    for field, value in _fields(message):
        if field == TEXT_FIELD and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif field == SCORE_FIELD and isinstance(value, float):
            score = value
        elif field == TYPE_FIELD and isinstance(value, int):
            kind = TokenType(value)
    if not text:
        raise ValueError("a piece without text")
    return text, score, kind


def _fields(message: bytes) -> Iterator[tuple[int, int | float | bytes]]:
    """The fields of a protocol buffer: number, and a value by its wire type (varint, 32 bits as float, bytes)."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            number, at = _varint(message, at)
            yield tag >> 3, number
            continue
        if wire == 2:
            size, at = _varint(message, at)
        else:
            size = {1: 8, 5: 4}.get(wire, -1)
        if size < 0 or at + size > len(message):
            raise ValueError("a field beyond the end, or of an unknown kind")
        value = message[at : at + size]
        at += size
        yield tag >> 3, struct.unpack("<f", value)[0] if wire == 5 else value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            raise ValueError("a number cut short")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number that never ends")
