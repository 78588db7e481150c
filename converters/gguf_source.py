"""A GGUF file as the source of a conversion: its metadata and tensors, to be quantised or copied."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.errors import ConversionError, ModelFileError
from autoglm_lite.gguf.reader import DEFAULT_ALIGNMENT, read_header
from autoglm_lite.gguf.values import Strings
from autoglm_lite.gguf.values import Value as StoredValue
from converters.checkpoint import SourceTensor
from converters.draft import Draft
from converters.keyvalues import KeyValues, Value
from converters.rows import Stored
from converters.tensors import OutputTensor
from converters.types import TENSOR_TYPES

SPLIT = ("split.no", "split.count", "split.tensors.count")


def is_gguf(path: Path) -> bool:
    """Whether `path` is a file that begins like GGUF, or is named so."""
    if not path.is_file():
        return False
    if path.suffix.lower() == ".gguf":
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) == b"GGUF"
    except OSError:
        return False


def draft_gguf(path: Path) -> Draft:
    """Everything of the GGUF file `path` but its data; raises ConversionError for one that cannot be read."""
    try:
        header = read_header(path)
    except ModelFileError as error:
        raise ConversionError(str(error)) from error
    if not header.tensors:
        raise ConversionError(f"{path} holds no tensors, so there is nothing to convert.")
    # The result has the usual alignment, whatever this file has.
    left_out = SPLIT if header.alignment == DEFAULT_ALIGNMENT else (*SPLIT, "general.alignment")
    keys = KeyValues()
    for key, value in header.metadata.items():
        if key not in left_out:
            keys.put(key, _value(value))
    architecture = header.text("general.architecture")
    if not architecture:
        raise ConversionError(f"{path} names no architecture, so it is no model that can be converted.")
    tensors = []
    for info in header.tensors:
        kind = TENSOR_TYPES.get(info.type.name)
        if kind is None:
            raise ConversionError(f"tensor {info.name} of {path} is {info.type.name}, which cannot be converted.")
        source = SourceTensor(
            info.name, kind, tuple(reversed(info.shape)), path, header.data_offset + info.offset, info.n_bytes
        )
        tensors.append(OutputTensor(info.name, Stored(source), kind, kind))
    return Draft(path, architecture, keys, tensors, ())


def _value(value: StoredValue) -> Value:
    data = value.data
    if isinstance(data, Strings):
        return Value(value.type, list(data), value.item)
    if isinstance(data, (str, bool, int, float)):
        return Value(value.type, data)
    items = [bool(item) for item in data] if value.item is not None and value.item.name == "BOOL" else data.tolist()
    return Value(value.type, items, value.item)
