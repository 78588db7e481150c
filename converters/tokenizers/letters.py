"""The letters by which byte-level BPE writes bytes (GPT-2's `bytes_to_unicode`)."""

from __future__ import annotations

_PLAIN = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_OTHERS = [byte for byte in range(256) if byte not in _PLAIN]

LETTERS = "".join(chr(byte if byte in _PLAIN else 256 + _OTHERS.index(byte)) for byte in range(256))
"""The letter of each byte."""
BYTES = {letter: byte for byte, letter in enumerate(LETTERS)}


def to_letters(data: bytes) -> str:
    """`data` with each byte as its letter."""
    return "".join(map(LETTERS.__getitem__, data))


def from_letters(text: str) -> bytes | None:
    """The bytes that `text` writes, or None when a letter stands for none."""
    found = [BYTES.get(letter) for letter in text]
    return None if None in found else bytes(byte for byte in found if byte is not None)
