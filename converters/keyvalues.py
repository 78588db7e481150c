"""The metadata of a GGUF file: typed values under their keys, in the order in which they are written."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autoglm_lite.gguf.values import ValueType as ValueType

Scalar = bool | int | float | str | bytes
_FORMATS = {
    ValueType.UINT8: "<B",
    ValueType.INT8: "<b",
    ValueType.UINT16: "<H",
    ValueType.INT16: "<h",
    ValueType.UINT32: "<I",
    ValueType.INT32: "<i",
    ValueType.UINT64: "<Q",
    ValueType.INT64: "<q",
    ValueType.FLOAT32: "<f",
    ValueType.FLOAT64: "<d",
    ValueType.BOOL: "<?",
}


@dataclass(frozen=True, slots=True)
class Value:
    """One value, or an array of them (`items` is then the type of each)."""

    type: ValueType
    content: Scalar | Sequence[Scalar]
    items: ValueType | None = None


class KeyValues:
    """An ordered table of values; setting a key again keeps its place, as a dict does."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}

    def __iter__(self) -> Iterator[tuple[str, Value]]:
        return iter(self._values.items())

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> Value | None:
        """The value under `key`, or None."""
        return self._values.get(key)

    def integer(self, key: str) -> int | None:
        """The whole number under `key`, or the first of an array of them; None when there is none."""
        value = self._values.get(key)
        content = None if value is None else value.content
        if isinstance(content, (list, tuple)):
            content = content[0] if content else None
        return content if isinstance(content, int) else None

    def put(self, key: str, value: Value) -> None:
        """Sets a value of any type."""
        self._values[key] = value

    def last(self, key: str, value: int) -> None:
        """Sets an unsigned number and moves it to the end, as `gguf_set_val_u32` of ggml does."""
        self._values.pop(key, None)
        self.uint32(key, value)

    def copy(self) -> KeyValues:
        """A table of the same values that can be changed alone."""
        other = KeyValues()
        other._values = dict(self._values)
        return other

    def uint32(self, key: str, value: int) -> None:
        """Sets an unsigned number; values outside 0 … 2³²-1 fail when packed."""
        self._values[key] = Value(ValueType.UINT32, value)

    def int32(self, key: str, value: int) -> None:
        """Sets a signed number."""
        self._values[key] = Value(ValueType.INT32, value)

    def float32(self, key: str, value: float) -> None:
        """Sets a floating number, rounded to 32 bits when packed."""
        self._values[key] = Value(ValueType.FLOAT32, value)

    def boolean(self, key: str, value: bool) -> None:
        """Sets a truth value."""
        self._values[key] = Value(ValueType.BOOL, value)

    def string(self, key: str, value: str) -> None:
        """Sets a text; an empty one is left out, because llama.cpp's converter never writes one."""
        if value:
            self._values[key] = Value(ValueType.STRING, value)

    def array(self, key: str, items: ValueType, values: Sequence[Scalar]) -> None:
        """Sets an array of `items`; an empty one is left out."""
        if values:
            self._values[key] = Value(ValueType.ARRAY, values, items)

    def move_behind(self, key: str, other: str) -> None:
        """Moves the value under `key` to the place after that under `other`; where there is no `other`, it stays."""
        if key in self._values and other in self._values:
            moved = self._values.pop(key)
            for name in list(self._values):
                self._values[name] = self._values.pop(name)
                if name == other:
                    self._values[key] = moved

    def pack(self) -> bytes:
        """The key-value section of a GGUF file, little-endian."""
        parts: list[bytes] = []
        for key, value in self:
            parts += [pack_string(key), struct.pack("<I", value.type)]
            if value.items is None:
                assert not isinstance(value.content, (list, tuple))
                parts.append(_pack_scalar(value.type, value.content))  # type: ignore[arg-type]
            else:
                assert isinstance(value.content, (list, tuple))
                parts.append(struct.pack("<IQ", value.items, len(value.content)))
                parts.append(_pack_items(value.items, value.content))
        return b"".join(parts)


def pack_string(text: str | bytes) -> bytes:
    """A GGUF string: its length in bytes as 64 bits, then UTF-8."""
    encoded = text.encode("utf-8") if isinstance(text, str) else text
    return struct.pack("<Q", len(encoded)) + encoded


def _pack_items(kind: ValueType, items: Sequence[Scalar]) -> bytes:
    # Vocabularies have 150,000 of them, so numbers are packed in one call.
    if kind is ValueType.STRING:
        return b"".join([_pack_scalar(kind, item) for item in items])
    form = _FORMATS[kind]
    return struct.pack(f"{form[0]}{len(items)}{form[1]}", *items)


def _pack_scalar(kind: ValueType, value: Scalar) -> bytes:
    if kind is ValueType.STRING:
        assert isinstance(value, (str, bytes))
        return pack_string(value)
    return struct.pack(_FORMATS[kind], value)
