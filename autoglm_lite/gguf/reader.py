"""Reads a GGUF header strictly: whatever llama.cpp would refuse or die of is refused here, in a sentence.

The format is described in ggml/docs/gguf.md; the limits are those of ggml/src/gguf.cpp or tighter.
"""

from __future__ import annotations

import os
import re
import shlex
import stat
import struct
from pathlib import Path

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.cursor import Cursor, Readable, cut_short
from autoglm_lite.gguf.disguise import SNIFF_BYTES, not_a_gguf
from autoglm_lite.gguf.ggml_types import GGML_TYPES, REMOVED_TYPES, GgmlType
from autoglm_lite.gguf.header import Header, TensorInfo, damaged, quoted, unsupported
from autoglm_lite.gguf.values import Value, ValueType

MAGIC = b"GGUF"
MAX_KEYS = 1 << 16
MAX_KEY_BYTES = (1 << 16) - 1
MAX_TENSORS = 1 << 16
MAX_NAME_BYTES = 63
MAX_DIMENSIONS = 4
MAX_VALUES = (1 << 63) - 1
DEFAULT_ALIGNMENT = 32
ALIGNMENTS = tuple(1 << n for n in range(3, 17))

_SINGLE = {
    ValueType.UINT8: struct.Struct("<B"),
    ValueType.INT8: struct.Struct("<b"),
    ValueType.UINT16: struct.Struct("<H"),
    ValueType.INT16: struct.Struct("<h"),
    ValueType.UINT32: struct.Struct("<I"),
    ValueType.INT32: struct.Struct("<i"),
    ValueType.FLOAT32: struct.Struct("<f"),
    ValueType.UINT64: struct.Struct("<Q"),
    ValueType.INT64: struct.Struct("<q"),
    ValueType.FLOAT64: struct.Struct("<d"),
}


def read_header(path: Path, *, parts: bool = False) -> Header:
    """Reads and checks the header of the GGUF file at `path`, and that the file holds all data it speaks of.

    Reads no tensor data. A part of a split model is refused unless `parts` are wanted. Raises ModelFileError, whose
    text names the file, what is wrong and what to do.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "not a regular file"
            raise ModelFileError(f"{path} is {what}; give the path of a .gguf file.")
        with path.open("rb") as file:
            return read_header_of(file, os.fstat(file.fileno()).st_size, path, parts=parts)
    except FileNotFoundError:
        raise ModelFileError(f"There is no file {path}; check the path.") from None
    except PermissionError:
        raise ModelFileError(f"{path} may not be read by this user; change its permissions.") from None
    except (OSError, ValueError) as error:
        # A path with a NUL character is a ValueError.
        raise ModelFileError(f"{quoted(str(path))} cannot be read ({error}); check the path and the disk.") from error


def read_header_of(file: Readable, file_bytes: int, path: Path, *, parts: bool = False) -> Header:
    """As `read_header`, of a file of `file_bytes` bytes that may lie anywhere; `path` is what errors call it.

    Raises ModelFileError, and what reading `file` raises.
    """
    if not file_bytes:
        raise ModelFileError(f"{path} is empty; download it again.")
    cursor = Cursor(file, file_bytes, path)
    start = cursor.peek(SNIFF_BYTES)
    if not start.startswith(MAGIC):
        raise not_a_gguf(path, start)
    cursor.take(len(MAGIC))
    version = _read_version(cursor)
    n_tensors, n_keys = cursor.u64(), cursor.u64()
    if n_keys > MAX_KEYS:
        raise damaged(path, f"its header claims {n_keys:,} keys")
    if n_tensors > MAX_TENSORS:
        raise damaged(path, f"its header claims {n_tensors:,} tensors")
    metadata: dict[str, Value] = {}
    spans: dict[str, tuple[int, int]] = {}
    for _ in range(n_keys):
        begin = cursor.position
        key, value = _read_pair(cursor)
        if key in metadata:
            raise damaged(path, f"the key {quoted(key)} occurs twice")
        metadata[key] = value
        spans[key] = begin, cursor.position
    if not parts:
        _refuse_split(metadata, path)
    alignment = _alignment(metadata, path)
    tensors = _read_tensors(cursor, n_tensors, alignment)
    data_offset = _padded(cursor.position, alignment)
    if tensors:
        end = data_offset + tensors[-1].offset + tensors[-1].n_bytes
        if end > file_bytes:
            raise cut_short(path, end - file_bytes)
    return Header(path, file_bytes, version, metadata, tensors, alignment, data_offset, spans)


def _read_version(cursor: Cursor) -> int:
    version = cursor.u32()
    if version and version & 0xFFFF == 0:
        raise unsupported(cursor.path, "it was written for big-endian machines", "look for the usual file")
    if version == 1:
        raise unsupported(cursor.path, "it is of GGUF version 1, which is out of use", "look for a newer file")
    if version > 3:
        raise unsupported(
            cursor.path, f"it is of GGUF version {version} and only 2 and 3 are known", "update autoglm-lite"
        )
    if version == 0:
        raise damaged(cursor.path, "its GGUF version is 0")
    return version


def _read_pair(cursor: Cursor) -> tuple[str, Value]:
    raw = cursor.text()
    if not raw or len(raw) > MAX_KEY_BYTES:
        raise damaged(cursor.path, f"a key in its header is {len(raw):,} bytes long")
    key = _name(raw, "key", cursor.path)
    type_ = _value_type(cursor, key)
    if type_ is not ValueType.ARRAY:
        return key, _read_single(cursor, type_)
    item = _value_type(cursor, key)
    if item is ValueType.ARRAY:
        raise damaged(cursor.path, f"the key {quoted(key)} holds lists within a list")
    count = cursor.u64()
    if item is ValueType.STRING:
        return key, Value(type_, cursor.strings(count), item)
    if count > cursor.remaining():
        raise cut_short(cursor.path)
    return key, Value(type_, cursor.numbers(item, count), item)


def _value_type(cursor: Cursor, key: str) -> ValueType:
    number = cursor.u32()
    try:
        return ValueType(number)
    except ValueError:
        raise damaged(cursor.path, f"the key {quoted(key)} is of the unknown type {number}") from None


def _read_single(cursor: Cursor, type_: ValueType) -> Value:
    if type_ is ValueType.STRING:
        return Value(type_, cursor.text().decode("utf-8", "replace"))
    if type_ is ValueType.BOOL:
        return Value(type_, cursor.take(1) != b"\0")
    layout = _SINGLE[type_]
    return Value(type_, layout.unpack(cursor.take(layout.size))[0])


def _name(raw: bytes, kind: str, path: Path) -> str:
    """llama.cpp compares names up to the first NUL, so two that differ here could be one there."""
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        name = ""
    if not name.isprintable() or not name:
        raise damaged(path, f"the name {quoted(raw)} of a {kind} is not readable text")
    return name


def _refuse_split(metadata: dict[str, Value], path: Path) -> None:
    count = metadata.get("split.count")
    if count is not None and isinstance(count.data, int) and count.data > 1:
        first = re.sub(r"-\d{5}-of-", "-00001-of-", path.name)
        raise unsupported(
            path,
            f"it is one of {count.data} parts of a model",
            f"join them with `autoglm-lite models import {shlex.quote(str(path.with_name(first)))}`",
        )


def _alignment(metadata: dict[str, Value], path: Path) -> int:
    value = metadata.get("general.alignment")
    if value is None:
        return DEFAULT_ALIGNMENT
    if value.type is not ValueType.UINT32 or value.data not in ALIGNMENTS:
        raise damaged(path, f"its alignment is not a power of two from {ALIGNMENTS[0]} to {ALIGNMENTS[-1]}")
    return int(value.data)


def _read_tensors(cursor: Cursor, n_tensors: int, alignment: int) -> tuple[TensorInfo, ...]:
    tensors: list[TensorInfo] = []
    names: set[str] = set()
    expected = 0
    for _ in range(n_tensors):
        tensor = _read_tensor(cursor)
        if tensor.name in names:
            raise damaged(cursor.path, f"the tensor {quoted(tensor.name)} occurs twice")
        if tensor.offset != expected:
            raise damaged(cursor.path, f"the tensor {quoted(tensor.name)} does not follow the one before it")
        names.add(tensor.name)
        tensors.append(tensor)
        expected = _padded(tensor.offset + tensor.n_bytes, alignment)
    return tuple(tensors)


def _read_tensor(cursor: Cursor) -> TensorInfo:
    raw = cursor.text()
    if not raw or len(raw) > MAX_NAME_BYTES:
        raise damaged(cursor.path, f"the name of a tensor is {len(raw):,} bytes long")
    name = _name(raw, "tensor", cursor.path)
    n_dimensions = cursor.u32()
    if not 1 <= n_dimensions <= MAX_DIMENSIONS:
        raise damaged(cursor.path, f"the tensor {quoted(name)} has {n_dimensions} dimensions")
    shape = tuple(cursor.u64() for _ in range(n_dimensions))
    type_ = _tensor_type(cursor, name)
    n_values = 1
    for extent in shape:
        n_values *= extent
    n_bytes = type_.bytes_for(n_values)
    if not 0 < n_values <= MAX_VALUES or n_bytes > MAX_VALUES:
        raise damaged(cursor.path, f"the tensor {quoted(name)} has the impossible shape {_times(shape)}")
    if shape[0] % type_.block_size:
        raise damaged(
            cursor.path,
            f"the rows of the tensor {quoted(name)} have {shape[0]} values, which is not a multiple of "
            f"the {type_.block_size} of {type_.name}",
        )
    return TensorInfo(name, shape, type_, cursor.u64(), n_values, n_bytes)


def _tensor_type(cursor: Cursor, name: str) -> GgmlType:
    number = cursor.u32()
    if number in REMOVED_TYPES:
        raise unsupported(
            cursor.path,
            f"the tensor {quoted(name)} is of a type that was removed from GGUF (number {number})",
            "look for a newer file of this model",
        )
    if number not in GGML_TYPES:
        raise damaged(cursor.path, f"the tensor {quoted(name)} is of the unknown type {number}")
    return GGML_TYPES[number]


def _padded(n_bytes: int, alignment: int) -> int:
    return -(-n_bytes // alignment) * alignment


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{extent:,}" for extent in shape)
