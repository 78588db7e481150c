"""The parts of a split GGUF, and the header of the one file that they make.

As llama.cpp's gguf-split writes them (tools/gguf-split): the first part has the model's keys, each has some of its
tensors, and the keys split.no, split.count and split.tensors.count tell which part of how many it is.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.ggml_types import GGML_TYPES
from autoglm_lite.gguf.header import Header, TensorInfo, damaged, quoted, unsupported
from autoglm_lite.gguf.values import Value, ValueType

NO, COUNT, TENSORS_COUNT = "split.no", "split.count", "split.tensors.count"
MAX_PARTS = 999
_VERSION = 3
_WHOLE = struct.pack("<Q", len(COUNT)) + COUNT.encode() + struct.pack("<IH", ValueType.UINT16, 0)
"""The key that says of the one file that it is whole, and keeps it from being joined again."""
_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})", re.DOTALL)
"""What llama_split_path makes of a name."""
_NUMBERS = {kind.name: number for number, kind in GGML_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Joined:
    header: Header
    """Of the one file."""
    start: bytes
    """What it begins with, before the keys that are kept."""
    kept: tuple[tuple[int, int], ...]
    """From where to where the first part's keys are the one file's as well."""
    added: bytes
    """What follows these: the last key, then the tensors, then zeros up to the data."""


def part_names(name: str) -> tuple[str, ...]:
    """Of the file `name`, which is a part of a split model as its name says: the names of all of them in order. Empty
    for any other name."""
    stem, dot, suffix = name.rpartition(".")
    match = _PART.fullmatch(stem)
    if match is None or suffix.lower() != "gguf" or not 1 <= int(match[2]) <= int(match[3]) <= MAX_PARTS:
        return ()
    return tuple(f"{match[1]}-{i:05}-of-{match[3]}{dot}{suffix}" for i in range(1, int(match[3]) + 1))


def whole_name(name: str) -> str:
    """What a part's file would be called were it whole; other names as they are."""
    return re.sub(r"-\d{5}-of-\d{5}(?=\.gguf$)", "", name, flags=re.IGNORECASE)


def n_parts(header: Header) -> int:
    """Of which the file is one; 1 for a whole model."""
    return max(1, _number(header, COUNT))


def join_headers(headers: Sequence[Header]) -> Joined:
    """What the parts make in this order, named after the first. Raises ModelFileError where they do not belong
    together, or not all of them are there."""
    first = headers[0]
    _check(headers)
    tensors: list[TensorInfo] = []
    names: set[str] = set()
    offset = 0
    for header in headers:
        for tensor in header.tensors:
            if tensor.name in names:
                raise damaged(header.path, f"the tensor {quoted(tensor.name)} is in another part as well")
            names.add(tensor.name)
            tensors.append(replace(tensor, offset=offset))
            offset = padded(offset + tensor.n_bytes, first.alignment)
    kept = tuple(span for key, span in first.spans.items() if key != COUNT)
    added = _WHOLE + b"".join(map(_encoded, tensors))
    end = len(_start(0, 0)) + sum(end - begin for begin, end in kept) + len(added)
    data_offset = padded(end, first.alignment)
    metadata = {key: value for key, value in first.metadata.items() if key != COUNT}
    metadata[COUNT] = Value(ValueType.UINT16, 0)
    whole = Header(
        path=first.path,
        file_bytes=data_offset + offset,
        version=_VERSION,
        metadata=metadata,
        tensors=tuple(tensors),
        alignment=first.alignment,
        data_offset=data_offset,
    )
    return Joined(whole, _start(len(tensors), len(metadata)), kept, added + bytes(data_offset - end))


def check_rest(whole: Header, headers: Sequence[Header], first: int) -> None:
    """That `headers` are of the parts from `first` on, counted from 0, of what was to become `whole`. Raises
    ModelFileError."""
    n_left = sum(len(header.tensors) for header in headers)
    rest = whole.tensors[len(whole.tensors) - n_left :]
    same = [_shape(tensor) for tensor in rest] == [_shape(t) for header in headers for t in header.tensors]
    for i, header in enumerate(headers):
        if not same or n_parts(header) != first + len(headers) or _number(header, NO) != first + i:
            raise _mixed(header.path, f"is not part {first + i + 1} of what was joined before")


def whole_bytes(header: Header) -> int:
    """Of the file that the parts make, from its header."""
    last = header.tensors[-1] if header.tensors else None
    return header.data_offset + (0 if last is None else padded(last.offset + last.n_bytes, header.alignment))


def padded(n_bytes: int, alignment: int) -> int:
    return -(-n_bytes // alignment) * alignment


def _check(headers: Sequence[Header]) -> None:
    first = headers[0]
    count = n_parts(first)
    if count < 2:
        raise ModelFileError(f"{first.path} is a whole model and no part of one: there is nothing to join.")
    if count > MAX_PARTS:
        raise damaged(first.path, f"it claims to be one of {count:,} parts")
    for i, header in enumerate(headers):
        if n_parts(header) != count:
            raise _mixed(header.path, f"speaks of {n_parts(header)} parts and {first.path} of {count}")
        if _number(header, NO) != i:
            raise _mixed(header.path, f"is part {_number(header, NO) + 1} where part {i + 1} belongs")
    if len(headers) != count:
        raise ModelFileError(f"{first.path} is one of {count} parts and {len(headers)} are here: get all of them.")
    found, claimed = sum(len(header.tensors) for header in headers), _number(first, TENSORS_COUNT)
    if any(_number(header, TENSORS_COUNT) != claimed for header in headers) or found != claimed:
        raise _mixed(first.path, f"speaks of {claimed:,} tensors and its parts have {found:,}")


def _mixed(path: Path, what: str) -> ModelFileError:
    return ModelFileError(f"{path} {what}, so they are not of one model: get all parts again from one place.")


def _number(header: Header, key: str) -> int:
    """-1 where there is none."""
    value = header.metadata.get(key)
    if value is None:
        return -1
    if not isinstance(value.data, int):
        raise unsupported(header.path, f"the key {quoted(key)} should be a number", "get it from another place")
    return int(value.data)


def _start(n_tensors: int, n_keys: int) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", _VERSION, n_tensors, n_keys)


def _shape(tensor: TensorInfo) -> tuple[str, str, tuple[int, ...]]:
    """A tensor's name, type and shape, with as many dimensions as ggml counts (ggml_n_dims): those behind the first
    that are 1 are none."""
    shape = tensor.shape
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return tensor.name, tensor.type.name, shape


def _encoded(tensor: TensorInfo) -> bytes:
    _, _, shape = _shape(tensor)
    name = tensor.name.encode()
    numbers = (len(shape), *shape, _NUMBERS[tensor.type.name], tensor.offset)
    return struct.pack("<Q", len(name)) + name + struct.pack(f"<I{len(shape)}QIQ", *numbers)
