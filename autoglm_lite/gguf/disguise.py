"""What a file is that should have been a GGUF and is not."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.errors import ModelFileError

SNIFF_BYTES = 512

_MAGICS: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip or PyTorch archive; only GGUF files can be loaded, so look for the model's GGUF"),
    (b"\x80\x02", "a Python pickle; only GGUF files can be loaded, so look for the model's GGUF"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it first"),
    (b"ggml", "a GGML file of 2023; look for the same model as GGUF"),
    (b"lmgg", "a GGML file of 2023; look for the same model as GGUF"),
    (b"tjgg", "a GGML file of 2023; look for the same model as GGUF"),
    (b"fmgg", "a GGML file of 2023; look for the same model as GGUF"),
    (b"FUGG", "a GGUF for big-endian machines; look for the usual one"),
    (b"version https://git-lfs", "a git-lfs pointer, not the model itself; fetch it with `git lfs pull`"),
)


def not_a_gguf(path: Path, start: bytes) -> ModelFileError:
    """`start` holds the first bytes of the file, up to SNIFF_BYTES of them."""
    return ModelFileError(f"{path} is not a GGUF model: it is {_looks_like(start)}.")


def _looks_like(start: bytes) -> str:
    for magic, what in _MAGICS:
        if start.startswith(magic):
            return what
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 1 << 32:
        return "a safetensors file; give the folder that it is in to `autoglm-lite convert`"
    if not start.strip(b"\0"):
        return "full of zeros, as an unfinished download can be; download it again"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return "a web page, so the download failed; download it again"
    if _is_text(start):
        return "a text file; give the path of a model file"
    return "some other kind of file; give the path of a model file, or download it again"


def _is_text(start: bytes) -> bool:
    try:
        decoded = start.decode("utf-8")
    except UnicodeDecodeError as error:
        # The sample may end inside a character.
        if error.end < len(start) or error.start < len(start) - 3:
            return False
        decoded = start[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\t\r\n\f" for character in decoded)
