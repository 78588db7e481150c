"""SentencePiece's table of normalised characters in a GGUF, checked: llama.cpp ends the process at a bad place in it.

It is a double array (Kanda 2018, as Darts-clone has it) with a block of replacement texts behind it. llama.cpp walks
it by `index = index ^ base ^ character` (llm_tokenizer_ugm_session in llama-vocab.cpp).
"""

from __future__ import annotations

import struct
import sys
from array import array

from autoglm_lite.gguf.header import Header, damaged
from autoglm_lite.gguf.values import ValueType

_KEY = "tokenizer.ggml.precompiled_charsmap"
_VALUE = 1 << 31
"""Set in entries that hold the place of a replacement."""
_LEAF = 1 << 8
_FAR = 1 << 9


def check_charsmap(header: Header) -> None:
    """Raises ModelFileError where a walk through the table could leave it, or a replacement does not end."""
    numbers = header.numbers(_KEY, ValueType.INT8, ValueType.UINT8)
    if numbers is None or not len(numbers):
        return
    if not _is_sound(numbers.tobytes()):
        raise damaged(header.path, "its table of normalised characters contradicts itself")


def _is_sound(table: bytes) -> bool:
    if len(table) < 4:
        return False
    (n_bytes,) = struct.unpack_from("<I", table)
    replacements = len(table) - 4 - n_bytes
    if n_bytes % 4 or replacements <= 0 or table[-1] != 0:
        return False
    entries = array("I", table[4 : 4 + n_bytes])
    if sys.byteorder == "big":
        entries.byteswap()
    n = len(entries)
    for i, entry in enumerate(entries):
        if entry & _VALUE and i:
            # Never walked through; the root always is.
            continue
        place = i ^ (entry >> 10 << (8 if entry & _FAR else 0))
        # The next character may change any of the last eight bits.
        if place | 0xFF >= n:
            return False
        if entry & _LEAF and entries[place] & ~_VALUE >= replacements:
            return False
    return True
