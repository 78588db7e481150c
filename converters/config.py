"""The JSON files beside a checkpoint, read with limits and asked with types."""

from __future__ import annotations

import json
import math
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ConversionError

CONFIG_LIMIT = 16 << 20
"""Bytes of config.json and the like; real ones are a few kilobytes."""

TOKENIZER_LIMIT = 256 << 20
"""Bytes of tokenizer.json; the largest in use are about 35 MB."""


def read_bytes(path: Path, limit: int) -> bytes:
    """The content of the regular file `path`; raises ConversionError when it is missing, odd or over `limit` bytes."""
    try:
        # Asked before opening, because opening a pipe would wait for its other end.
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConversionError(f"{path} is not a regular file; the checkpoint is incomplete, download it again.")
        if found.st_size > limit:
            raise ConversionError(f"{path} is {found.st_size} bytes long, more than the {limit} that make sense.")
        with path.open("rb") as file:
            return file.read(limit)
    except FileNotFoundError as error:
        raise ConversionError(f"{path} is missing; the checkpoint is incomplete, download it again.") from error
    except OSError as error:
        raise ConversionError(f"{path} cannot be read: {error.strerror}.") from error


def read_text(path: Path, limit: int = CONFIG_LIMIT) -> str:
    """As `read_bytes`, decoded as UTF-8."""
    try:
        return read_bytes(path, limit).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConversionError(f"{path} is not UTF-8 text; the file is damaged, download it again.") from error


def read_json(path: Path, limit: int = CONFIG_LIMIT) -> dict[str, Any]:
    """The JSON object in `path`; raises ConversionError for anything else, however deep or long."""
    text = read_text(path, limit)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConversionError(f"{path} is not valid JSON ({error}); download it again.") from error
    if not isinstance(found, dict):
        raise ConversionError(f"{path} does not hold a JSON object; download it again.")
    return found


def read_json_if_there(path: Path, limit: int = CONFIG_LIMIT) -> dict[str, Any]:
    """As `read_json`, or an empty object when there is no such file."""
    return read_json(path, limit) if path.exists() else {}


Names = str | tuple[str, ...]
"""One name of a value, or all that it has had, the first that is there counting."""


class Config:
    """config.json with a family's defaults beneath it; a value of the wrong kind is an error that names it."""

    def __init__(self, values: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> None:
        self._values = dict(values)
        self._defaults = dict(defaults or {})

    def get(self, key: str) -> Any:
        """The value as it stands, its default when it is absent, or None."""
        return self._values.get(key, self._defaults.get(key))

    def first(self, keys: Names) -> Any:
        """The value under the first of `keys` that has one, or None."""
        names = (keys,) if isinstance(keys, str) else keys
        return next((value for key in names if (value := self.get(key)) is not None), None)

    def has(self, keys: Names) -> bool:
        """Whether the file, or its defaults, gives one of `keys` a value other than null."""
        return self.first(keys) is not None

    def with_values(self, values: Mapping[str, Any]) -> Config:
        """The same config, with `values` in place of what it says of them."""
        return Config({**self._values, **values}, self._defaults)

    def integer(self, keys: Names, least: int = 1, most: int = 1 << 31) -> int:
        """The integer from `least` to `most` under the first of `keys` that is there; raises ConversionError."""
        value = self.first(keys)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ConversionError(
                f"config.json gives {self._name(keys)} as {_show(value)}, "
                f"which is no whole number from {least} to {most}."
            )
        return value

    def number(self, keys: Names) -> float:
        """A finite number above zero that fits 32 bits; raises ConversionError otherwise."""
        return positive_number(self.first(keys), self._name(keys))

    def flag(self, key: str) -> bool:
        """A truth value, false when absent; raises ConversionError for anything else."""
        value = self.get(key)
        if value is not None and not isinstance(value, bool):
            raise ConversionError(f"config.json gives {key} as {_show(value)}, which is neither true nor false.")
        return bool(value)

    def table(self, key: str) -> dict[str, Any]:
        """An object, empty when absent; raises ConversionError for anything else."""
        value = self.get(key)
        if value is not None and not isinstance(value, dict):
            raise ConversionError(f"config.json gives {key} as {_show(value)}, which is no JSON object.")
        return dict(value or {})

    def _name(self, keys: Names) -> str:
        if isinstance(keys, str):
            return keys
        return next((key for key in keys if self.get(key) is not None), keys[0])


def positive_number(value: object, key: str) -> float:
    """`value` when it is a finite number above zero that 32 bits can hold; raises ConversionError otherwise."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 3.4e38 or math.isnan(value):
        raise ConversionError(f"config.json gives {key} as {_show(value)}, which is no positive number.")
    return value


def _show(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value) if isinstance(value, (str, bool, int, float)) and not _is_huge(value) else type(value).__name__
    return text if len(text) <= 40 else text[:40] + "…"


def _is_huge(value: object) -> bool:
    # Python refuses to print integers of more than 4300 digits.
    return isinstance(value, int) and abs(value) > 10**40
