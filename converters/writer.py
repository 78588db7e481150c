"""The layout of a GGUF file, and whether a place can take it."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

from autoglm_lite.errors import ConversionError
from converters.keyvalues import KeyValues, pack_string
from converters.tensors import OutputTensor

MAGIC = b"GGUF"
VERSION = 3
ALIGNMENT = 32


def padding(nbytes: int) -> int:
    """Bytes of zeros that bring `nbytes` to GGUF's alignment."""
    return -nbytes % ALIGNMENT


def header(keys: KeyValues, tensors: Sequence[OutputTensor]) -> bytes:
    """All before the first tensor's data, padded; raises ConversionError for values that do not fit their types."""
    try:
        parts = [MAGIC, struct.pack("<IQQ", VERSION, len(tensors), len(keys)), keys.pack()]
    except (struct.error, OverflowError, UnicodeEncodeError) as error:
        raise ConversionError(f"the checkpoint's metadata cannot be written as GGUF ({error}).") from error
    offset = 0
    for tensor in tensors:
        parts.append(pack_string(tensor.name))
        # GGUF counts dimensions from the innermost.
        parts.append(struct.pack(f"<I{len(tensor.shape)}Q", len(tensor.shape), *reversed(tensor.shape)))
        parts.append(struct.pack("<IQ", tensor.type.ggml_id, offset))
        offset += tensor.nbytes + padding(tensor.nbytes)
    joined = b"".join(parts)
    return joined + bytes(padding(len(joined)))


def file_bytes(header_bytes: int, tensors: Sequence[OutputTensor]) -> int:
    """Bytes of the whole file."""
    return header_bytes + sum(tensor.nbytes + padding(tensor.nbytes) for tensor in tensors)


def check_target(out: Path, nbytes: int) -> None:
    """Raises ConversionError when `out` cannot or should not become a file for which `nbytes` more are needed.

    An existing file is replaced only if it is a GGUF file or empty: never a checkpoint's own files, or anything else.
    """
    folder = out.parent
    if out.is_dir():
        raise ConversionError(f"{out} is a folder; give the name of the GGUF file to write with -o.")
    try:
        if out.exists():
            if not stat.S_ISREG(out.stat().st_mode):
                raise ConversionError(f"{out} is not a regular file; give another name with -o.")
            with out.open("rb") as file:
                if file.read(4) not in (MAGIC, b""):
                    raise ConversionError(
                        f"{out} exists and is no GGUF file; it is not replaced, give another name with -o."
                    )
        if folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK):
            raise ConversionError(refused(out, PermissionError(errno.EACCES, "")))
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ConversionError(f"{error.filename or out} cannot be used: {error.strerror}.") from error
    if free < nbytes:
        raise ConversionError(
            f"{out} needs {nbytes:,} bytes and {folder.resolve()} has {free:,} free; "
            "make room there, or name a file on another disk with -o."
        )


def sync_folder(folder: Path) -> None:
    """Makes a rename inside `folder` last through a power cut, where the file system can."""
    fd = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    try:
        os.fsync(fd)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a folder; the rename is done all the same.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
    finally:
        os.close(fd)


def refused(out: Path, error: OSError) -> str:
    """The sentence for what the disk of `out` says no to."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk of {out.parent.resolve()} is full; make room there, or name a file on another disk with -o."
    if error.errno == errno.ELOOP:
        return f"{error.filename} is a link, which is not followed; remove it and convert again."
    if error.errno == errno.EFBIG:
        return (
            f"{out} would be larger than its file system, or a limit of this shell, allows; name another place with -o."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission to write in {out.parent.resolve()}; name a file in a folder of yours with -o."
    return f"{out} cannot be written: {error.strerror or error}."
