"""The header of a GGUF file: what it says of itself and of its tensors."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.ggml_types import GgmlType
from autoglm_lite.gguf.values import Strings, Value, ValueType


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor. `shape` counts values, fastest-running dimension first, as ggml does."""

    name: str
    shape: tuple[int, ...]
    type: GgmlType
    offset: int
    """Bytes from the start of the data."""
    n_values: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Header:
    """All of a GGUF file but its data. `metadata` keeps the order of the file."""

    path: Path
    file_bytes: int
    version: int
    metadata: dict[str, Value]
    tensors: tuple[TensorInfo, ...]
    alignment: int
    data_offset: int
    """Bytes from the start of the file to the data of the first tensor."""
    spans: Mapping[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    """Where each key with its value begins and ends in the file."""

    def u32(self, key: str) -> int | None:
        """The value of `key`, None if there is none. llama.cpp takes a count or an id in this one type only."""
        data = self._single(key, ValueType.UINT32)
        return data if isinstance(data, int) else None

    def f32(self, key: str) -> float | None:
        data = self._single(key, ValueType.FLOAT32)
        return data if isinstance(data, float) else None

    def flag(self, key: str) -> bool | None:
        data = self._single(key, ValueType.BOOL)
        return data if isinstance(data, bool) else None

    def text(self, key: str) -> str | None:
        data = self._single(key, ValueType.STRING)
        return data if isinstance(data, str) else None

    def strings(self, key: str) -> Strings | None:
        value = self.metadata.get(key)
        if value is None:
            return None
        if not isinstance(value.data, Strings):
            raise damaged(self.path, f"the key {quoted(key)} should hold a list of texts")
        return value.data

    def numbers(self, key: str, *items: ValueType) -> array[int] | array[float] | None:
        """The array under `key`, whose items must be of one of the types `items`."""
        value = self.metadata.get(key)
        if value is None:
            return None
        if value.item not in items or not isinstance(value.data, array):
            wanted = " or ".join(item.name.lower() for item in items)
            raise damaged(self.path, f"the key {quoted(key)} should hold a list of {wanted}")
        return value.data

    def _single(self, key: str, type_: ValueType) -> object:
        value = self.metadata.get(key)
        if value is not None and value.type is not type_:
            raise damaged(
                self.path,
                f"the key {quoted(key)} is of type {value.type.name.lower()} and should be {type_.name.lower()}",
            )
        return None if value is None else value.data


def damaged(path: Path, what: str) -> ModelFileError:
    """An error for a file whose contents contradict themselves; `what` is a clause without a full stop."""
    return ModelFileError(f"{path} cannot be used: {what}; download it again, or convert the model again.")


def unsupported(path: Path, what: str, remedy: str) -> ModelFileError:
    """An error for a sound file that we cannot run; both clauses without a full stop."""
    return ModelFileError(f"{path} cannot be used: {what}; {remedy}.")


def quoted(text: str | bytes) -> str:
    """Text from the file made safe to print: control characters escaped, cut to a readable length."""
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return repr(plain if len(plain) <= 60 else plain[:57] + "...")
