"""One kept state: llama.cpp's own session file of one sequence, followed by what tells that it is ours and whole.

    llama.cpp: magic u32 | version u32 | n_tokens u32 | tokens i32[n_tokens] | KV state
    ours:      key [32] | BLAKE2b of all before [32] | length of llama.cpp's part u64 | version u32 | magic [8]

Little-endian. llama.cpp reads its part and stops there (llama_context::state_seq_load_file); it accepts flipped bits,
and a state of another model may crash it, so nothing is given to it that `verify` has not passed.
"""

from __future__ import annotations

import os
import stat
import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from autoglm_lite.errors import AutoglmError

KEY_BYTES = 32
MAGIC = b"AGLMKV\r\n"
VERSION = 1
_HEAD = struct.Struct("<III")
_FOOT = struct.Struct(f"<{KEY_BYTES}s32sQI8s")
_PIECE = 1 << 20
_MAX_TOKENS = 1 << 24


class DamagedStateError(AutoglmError):
    """A file that is no whole state of ours."""


@dataclass(frozen=True, slots=True)
class StateHead:
    """What a lookup needs of a file; its checksum is not proved yet."""

    path: Path
    tokens: array[int]
    n_bytes: int
    """Of the whole file."""


def write_state(path: Path, key: bytes, save: Callable[[Path], int]) -> None:
    """Keeps a state at `path`, whole or not at all: `save` writes llama.cpp's part to the path it is given and returns
    its bytes. Raises OSError, and DamagedStateError when `save` wrote something else than it said."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        # Made before llama.cpp opens it, for its mode.
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        length = save(temporary)
        with temporary.open("r+b") as file:
            if length < _HEAD.size or file.seek(0, os.SEEK_END) != length:
                raise DamagedStateError(f"The state {path.name} could not be written whole.")
            file.seek(0)
            digest = _digest(file, length, key)
            file.seek(length)
            file.write(_FOOT.pack(key, digest, length, VERSION, MAGIC))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_head(path: Path, key: bytes) -> StateHead:
    """The tokens of a state of `key`. Raises DamagedStateError for a file of another key or form, OSError."""
    with _open(path) as file:
        n_bytes, length = _check_foot(file, key)
        file.seek(0)
        _, _, n_tokens = _HEAD.unpack(file.read(_HEAD.size))
        if not 0 < n_tokens <= _MAX_TOKENS or _HEAD.size + 4 * n_tokens > length:
            raise DamagedStateError(f"{path.name} holds no tokens.")
        tokens = array("i")
        tokens.frombytes(file.read(4 * n_tokens))
        if len(tokens) != n_tokens:
            raise DamagedStateError(f"{path.name} ends early.")
    return StateHead(path, tokens, n_bytes)


def verify(path: Path, key: bytes) -> None:
    """Reads the whole file. Raises DamagedStateError unless each byte is as it was written with `key`, OSError."""
    with _open(path) as file:
        _, length = _check_foot(file, key)
        file.seek(0)
        digest = _digest(file, length, key)
        file.seek(length)
        if digest != _FOOT.unpack(file.read(_FOOT.size))[1]:
            raise DamagedStateError(f"{path.name} is damaged.")


def _open(path: Path) -> BinaryIO:
    """Raises DamagedStateError for all but a regular file: a pipe would be waited for, a link may lead anywhere."""
    # Systems that lack the flags lack what they guard against.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    if not stat.S_ISREG(path.lstat().st_mode):
        raise DamagedStateError(f"{path.name} is no file.")
    return os.fdopen(os.open(path, flags | getattr(os, "O_NOFOLLOW", 0)), "rb")


def _check_foot(file: BinaryIO, key: bytes) -> tuple[int, int]:
    """Bytes of the file and of llama.cpp's part of it."""
    n_bytes = file.seek(0, os.SEEK_END)
    if n_bytes < _HEAD.size + _FOOT.size:
        raise DamagedStateError("It is too short for a state.")
    file.seek(n_bytes - _FOOT.size)
    found, _, length, version, magic = _FOOT.unpack(file.read(_FOOT.size))
    if magic != MAGIC or version != VERSION or length != n_bytes - _FOOT.size or found != key:
        raise DamagedStateError("It is no state of this model and this program.")
    return n_bytes, length


def _digest(file: BinaryIO, length: int, key: bytes) -> bytes:
    """Of the next `length` bytes of `file` and the key."""
    digest = blake2b(key, digest_size=32)
    piece = bytearray(_PIECE)
    view = memoryview(piece)
    while length > 0:
        n = file.readinto(view[: min(_PIECE, length)])  # type: ignore[attr-defined]
        if not n:
            break
        digest.update(view[:n])
        length -= n
    return digest.digest()
