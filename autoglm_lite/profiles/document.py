"""A TOML file whose values are checked one by one, so that each mistake is told with its line."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from autoglm_lite.errors import ProfileError
from autoglm_lite.sizes import parse_size

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_BYTES = 1 << 17

Where = tuple[str | int, ...]
"""The keys that lead to a value, and the number of an element of an array of tables."""


@dataclass(frozen=True, slots=True)
class Document:
    path: Path
    text: str

    def mistake(self, where: Where, sentence: str) -> ProfileError:
        """`sentence` with the file and the line on which the value at `where` begins."""
        return ProfileError(f"{self.path}, line {line_of(self.text, where)}: {sentence}")


def read_document(path: Path, known: Collection[str]) -> Table:
    """The file's outermost table, which may have the keys `known`. Raises ProfileError."""
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise ProfileError(f"{path} is larger than {MOST_BYTES >> 10} KiB, so it is no profile.")
        text = raw.decode("utf-8").replace("\r\n", "\n")
        values = tomllib.loads(text)
    except OSError as error:
        raise ProfileError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ProfileError(f"{path}, line {line}: this is no text in UTF-8; save the file as UTF-8.") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ProfileError(_not_toml(path, text, f"{error}")) from error
    return Table(Document(path, text), (), values, known)


class Table:
    """A table of the document; every method raises ProfileError for a value of the wrong kind."""

    def __init__(self, document: Document, where: Where, values: Mapping[str, Any], known: Collection[str]) -> None:
        self._document, self._where, self._values = document, where, values
        for name in values:
            if name not in known:
                raise self.mistake(f"{name} is not known here{_nearest(name, known)}.", name)

    def mistake(self, sentence: str, *names: str) -> ProfileError:
        """The error to raise, at the line of the key `names` or of the table itself."""
        return self._document.mistake((*self._where, *names), sentence)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def value(self, name: str) -> object:
        """As it was read; None where it is missing."""
        return self._values.get(name)

    def integer(self, name: str, least: int, most: int) -> int | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise self.mistake(f"{name} must be a whole number from {least:,} to {most:,}.", name)
        return value

    def number(self, name: str, least: float, most: float) -> float | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            raise self.mistake(f"{name} must be a number from {least:g} to {most:g}.", name)
        return float(value)

    def boolean(self, name: str) -> bool | None:
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.mistake(f"{name} must be true or false, without quotes.", name)
        return value

    def text(self, name: str, choices: Collection[str] = ()) -> str | None:
        """One of `choices`, if there are any."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            raise self.mistake(f'{name} must be a text in quotes, such as {name} = "{_example(choices)}".', name)
        if choices and value not in choices:
            raise self.mistake(f"{name} cannot be {value[:40]!r}{_nearest(value, choices)}.", name)
        return value

    def texts(self, name: str, choices: Collection[str]) -> tuple[str, ...]:
        """A list of some of `choices`; empty where there is none."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.mistake(f'{name} must be a list of texts, such as {name} = ["{_example(choices)}"].', name)
        for item in value:
            if item not in choices:
                raise self.mistake(f"{name} cannot hold {item[:40]!r}{_nearest(item, choices)}.", name)
        return tuple(value)

    def size(self, name: str) -> int | None:
        """Bytes."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        if not isinstance(value, str):
            raise self.mistake(f'{name} must be a size in quotes, such as {name} = "4GB".', name)
        try:
            return parse_size(value)
        except ValueError as error:
            raise self.mistake(f"{name}: {error}.", name) from error

    def table(self, name: str, known: Collection[str]) -> Table | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.mistake(f"{name} must be a table: write [{name}] on a line of its own.", name)
        return Table(self._document, (*self._where, name), value, known)

    def tables(self, name: str, known: Collection[str]) -> Iterator[Table]:
        """The elements of an array of tables."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.mistake(f"{name} must be tables: write [[{name}]] before each.", name)
        for number, item in enumerate(value):
            yield Table(self._document, (*self._where, name, number), item, known)

    def sizes(self, name: str, known: Collection[str]) -> dict[str, int]:
        """A table of sizes, of which the keys are `known`."""
        found = self.table(name, known)
        if found is None:
            return {}
        return {key: size for key in found._values if (size := found.size(key)) is not None}


def line_of(text: str, where: Where) -> int:
    """The line on which the value at `where` begins in the TOML `text`; of a table, its first line. 1 if it is not
    there.

    TOML's readers do not tell. A statement ends with the first line after which what has come since the statement
    before can be read by itself; whatever is in that part of the tables was said by that statement.
    """
    lines = text.split("\n")
    header: Where = ()
    counts: dict[Where, int] = {}
    begin = 0
    for end in range(1, len(lines) + 1):
        try:
            values = tomllib.loads("\n".join(lines[begin:end]))
        except tomllib.TOMLDecodeError:
            continue
        statement = lines[begin].lstrip()
        if statement.startswith("["):
            header = _header(values, counts)
            if header[: len(where)] == where:
                return begin + 1
        elif any((*header, *path)[: len(where)] == where for path in _paths(values)):
            return begin + 1
        begin = end
    return 1


def _header(values: Mapping[str, Any], counts: dict[Where, int]) -> Where:
    """The place that a line such as `[saving]` or `[[model]]` names; `counts` are the elements so far."""
    where: Where = ()
    rest: Any = values
    while rest:
        if isinstance(rest, list):
            number = counts.get(where, 0)
            counts[where] = number + 1
            where, rest = (*where, number), rest[0]
        else:
            name = next(iter(rest))
            where, rest = (*where, name), rest[name]
            last = counts.get(where)
            if last and isinstance(rest, dict):
                # A table within the last element.
                where = (*where, last - 1)
    return where


def _paths(values: Mapping[str, Any]) -> Iterator[Where]:
    """The keys to all that `values` hold."""
    for name, value in values.items():
        yield (name,)
        if isinstance(value, dict):
            yield from ((name, *path) for path in _paths(value))


def _not_toml(path: Path, text: str, error: str) -> str:
    what, _, place = error.partition(" (at ")
    match = re.search(r"line (\d+)", place)
    line = int(match[1]) if match else text.count("\n") + (not text.endswith("\n"))
    return f"{path}, line {line}: this is not TOML ({what[:1].lower()}{what[1:]})."


def _nearest(name: str, known: Collection[str]) -> str:
    """What to write instead, as the end of a sentence."""
    close = get_close_matches(name, known, n=1)
    return f"; perhaps {close[0]} is meant" if close else f"; use one of {', '.join(known)}"


def _example(choices: Collection[str]) -> str:
    return next(iter(choices), "text")
