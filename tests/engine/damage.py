"""Files that are no whole states of a model, by seed: every way in which one can be damaged, foreign or no file."""

from __future__ import annotations

import gzip
import os
import pickle
import socket
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

FOOT = 32 + 32 + 8 + 4 + 8
"""Bytes of what follows llama.cpp's part."""
FIELDS = (32, 32, 8, 4, 8)
"""Key, checksum, length, version, magic."""
Make = Callable[[Path], object]
"""Puts something at a path where nothing is."""


def damages(whole: bytes, other: bytes, foreign: Sequence[bytes], n: int, seed: int) -> Iterator[tuple[str, Make]]:
    """`n` ways with their names. `other` is a whole state of the same model and more tokens; `foreign` are whole states
    of other models, layouts and versions."""
    kinds: tuple[Callable[[Random], bytes], ...] = (
        lambda random: _flipped(whole, random, _region(whole, random)),
        lambda random: whole[: _border(whole, random)],
        lambda random: whole[: random.randrange(len(whole))],
        lambda random: _overwritten(whole, random, random.randbytes(random.choice((1, 4, 64, 5000)))),
        lambda random: _overwritten(whole, random, bytes(random.choice((8, 512, 4096, len(whole))))),
        lambda random: (
            whole + random.choice((b"\0", random.randbytes(random.randrange(1, 5000)), whole, whole[-FOOT:]))
        ),
        lambda random: _inserted(whole, random),
        lambda random: _swapped(whole, other, random),
        lambda random: _header(whole, random),
        lambda random: random.choice(foreign),
        lambda random: _refooted(random.choice((*foreign, other)), whole),
        lambda random: random.choice(_formats(whole, random)),
        lambda random: random.randbytes(random.randrange(3 * FOOT)),
    )
    random = Random(seed)
    others = special(whole)
    for i in range(n):
        if i % 20 == 0:
            name, make = others[i // 20 % len(others)]
            yield name, make
            continue
        kind = i % len(kinds)
        content = kinds[kind](random)
        while content in (whole, other):
            content = kinds[kind](random)
        yield f"kind {kind}, number {i}", lambda path, content=content: path.write_bytes(content)


def special(whole: bytes) -> list[tuple[str, Make]]:
    """What is no regular file, or an odd one."""
    found: list[tuple[str, Make]] = [
        ("empty", lambda path: path.touch()),
        ("folder", lambda path: path.mkdir()),
        ("folder with a file", lambda path: (path.mkdir(), (path / "x").write_bytes(whole))),
        ("pipe", os.mkfifo),
        ("link to nothing", lambda path: path.symlink_to("nowhere")),
        ("link to itself", lambda path: path.symlink_to(path.name)),
        ("link to the model's own state", lambda path: _linked(path, whole)),
        ("link to endless zeros", lambda path: path.symlink_to("/dev/zero")),
        ("hole", lambda path: _hole(path, len(whole))),
        ("hole of a gigabyte", lambda path: _hole(path, 1 << 30)),
        ("socket", _socket),
    ]
    if os.geteuid() == 0:
        found.append(("device", lambda path: os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))))
    else:
        found.append(("not to be read", lambda path: (path.write_bytes(whole[:-1]), path.chmod(0))))
    return found


def _region(whole: bytes, random: Random) -> tuple[int, int]:
    """One of the format's, each as often: those of few bytes count as much."""
    n_tokens = struct.unpack_from("<I", whole, 8)[0]
    borders = [0, 4, 8, 12, 12 + 4 * n_tokens, 12 + 4 * n_tokens + 64]
    foot = len(whole) - FOOT
    borders += [foot + sum(FIELDS[:i]) for i in range(len(FIELDS) + 1)]
    at = random.randrange(len(borders) - 1)
    return borders[at], borders[at + 1]


def _flipped(whole: bytes, random: Random, region: tuple[int, int]) -> bytes:
    damaged = bytearray(whole)
    damaged[random.randrange(*region)] ^= 1 << random.randrange(8)
    return bytes(damaged)


def _border(whole: bytes, random: Random) -> int:
    return max(0, min(len(whole) - 1, random.choice(_region(whole, random)) + random.randrange(-2, 3)))


def _overwritten(whole: bytes, random: Random, piece: bytes) -> bytes:
    at = random.randrange(len(whole))
    return (whole[:at] + piece + whole[at + len(piece) :])[: len(whole)]


def _inserted(whole: bytes, random: Random) -> bytes:
    at = random.randrange(len(whole))
    return whole[:at] + random.randbytes(random.randrange(1, 100)) + whole[at:]


def _swapped(whole: bytes, other: bytes, random: Random) -> bytes:
    """The beginning of one and the end of another, both whole by themselves."""
    at = random.choice((4, 8, 12, random.randrange(len(whole)), len(whole) - FOOT, len(whole) - FOOT + 32))
    return random.choice((whole[:at] + other[at:], other[:at] + whole[at:], whole[:-FOOT] + other[-FOOT:]))


def _header(whole: bytes, random: Random) -> bytes:
    """Another count of tokens, also one that promises gigabytes."""
    damaged = bytearray(whole)
    struct.pack_into(
        "<I", damaged, 8, random.choice((0, 1, 1 << 24, (1 << 24) + 1, 1 << 31, (1 << 32) - 1, len(whole)))
    )
    return bytes(damaged)


def _refooted(body: bytes, whole: bytes) -> bytes:
    """Another model's, or other tokens' state under this one's key, with a length that is right."""
    foot = bytearray(whole[-FOOT:])
    struct.pack_into("<Q", foot, 64, len(body) - FOOT)
    return body[:-FOOT] + bytes(foot)


def _formats(whole: bytes, random: Random) -> list[bytes]:
    return [
        whole[:-FOOT],
        gzip.compress(whole[:2000], mtime=0),
        zlib.compress(whole[:2000]),
        pickle.dumps({"tokens": list(range(50))}),
        b"\x7fELF" + random.randbytes(500),
        b"\x89PNG\r\n\x1a\n" + random.randbytes(500),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(500),
        "# 不是状态\n".encode() * 40,
        b"ggsn" + random.randbytes(len(whole)),
    ]


def _linked(path: Path, whole: bytes) -> None:
    target = path.with_name("target")
    target.write_bytes(whole)
    path.symlink_to(target)


def _hole(path: Path, n_bytes: int) -> None:
    path.touch()
    os.truncate(path, n_bytes)


def _socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with closing(socket.socket(socket.AF_UNIX)) as made:
            # The path may be longer than an address may be.
            made.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)
