"""`tokenizer.model` of SentencePiece, a protocol buffer."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.config import TOKENIZER_LIMIT, read_bytes
from converters.tokenizers.token import TokenType

PIECES_FIELD, TRAINER_FIELD, NORMALIZER_FIELD = 1, 2, 3
TEXT_FIELD, SCORE_FIELD, TYPE_FIELD = 1, 2, 3
KIND_FIELD = 3
CHARSMAP_FIELD, DUMMY_PREFIX_FIELD, EXTRA_SPACES_FIELD = 2, 3, 4
"""Fields of `ModelProto`, and of its parts `SentencePiece`, `TrainerSpec` and `NormalizerSpec`, in
sentencepiece_model.proto."""

Piece = tuple[str, float, TokenType]
Field = int | float | bytes


class Kind(IntEnum):
    """`TrainerSpec.ModelType`."""

    UNIGRAM = 1
    BPE = 2
    WORD = 3
    CHAR = 4


@dataclass(frozen=True, slots=True)
class PieceModel:
    """A SentencePiece model: pieces and what llama.cpp knows of the normaliser; the proto's defaults."""

    pieces: Sequence[Piece]
    kind: Kind = Kind.UNIGRAM
    add_dummy_prefix: bool = True
    remove_extra_whitespaces: bool = True
    charsmap: bytes = field(default=b"", repr=False)
    """The precompiled table of character replacements."""


def is_model(path: Path) -> bool:
    """Whether `path` is there and begins as a SentencePiece model; a file of tiktoken's ranks does not."""
    try:
        with path.open("rb") as file:
            return file.read(1) == bytes([PIECES_FIELD << 3 | 2])
    except OSError:
        return False


def read_pieces(path: Path) -> Sequence[Piece]:
    """Text, score and type of each piece of a SentencePiece model; raises ConversionError for a damaged file."""
    return read_model(path).pieces


def read_model(path: Path) -> PieceModel:
    """A SentencePiece model; raises ConversionError for a damaged file.

    Read here rather than by the sentencepiece library, so that no native code meets an untrusted file.
    """
    try:
        return _model(read_bytes(path, TOKENIZER_LIMIT))
    except (ValueError, struct.error) as error:
        raise ConversionError(f"{path} is no sound SentencePiece model ({error}); download it again.") from error


def _model(data: bytes) -> PieceModel:
    pieces: list[Piece] = []
    trainer: dict[int, Field] = {}
    normalizer: dict[int, Field] = {}
    for number, value in _fields(data):
        if number == PIECES_FIELD:
            pieces.append(_piece(value))
        elif number in (TRAINER_FIELD, NORMALIZER_FIELD):
            if not isinstance(value, bytes):
                raise ValueError("a part that is no message")
            (trainer if number == TRAINER_FIELD else normalizer).update(_fields(value))
    if not pieces or len({text for text, _, _ in pieces}) != len(pieces):
        raise ValueError("no pieces, or the same twice")
    kind = trainer.get(KIND_FIELD, Kind.UNIGRAM)
    charsmap = normalizer.get(CHARSMAP_FIELD, b"")
    if not isinstance(kind, int) or not isinstance(charsmap, bytes):
        raise ValueError("a field of the wrong kind")
    return PieceModel(
        pieces,
        Kind(kind),
        bool(normalizer.get(DUMMY_PREFIX_FIELD, True)),
        bool(normalizer.get(EXTRA_SPACES_FIELD, True)),
        charsmap,
    )


def _piece(message: object) -> Piece:
    if not isinstance(message, bytes):
        raise ValueError("a piece that is no message")
    text, score, kind = "", 0.0, TokenType.NORMAL
    for number, value in _fields(message):
        if number == TEXT_FIELD and isinstance(value, bytes):
            text = value.decode("utf-8")
        elif number == SCORE_FIELD and isinstance(value, float):
            score = value
        elif number == TYPE_FIELD and isinstance(value, int):
            kind = TokenType(value)
    if not text:
        raise ValueError("a piece without text")
    return text, score, kind


def _fields(message: bytes) -> Iterator[tuple[int, Field]]:
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
