"""What the user has set: `app.toml` in the folder for settings."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType

from autoglm_lite.errors import AutoglmError
from autoglm_lite.paths import config_dir, private_dir
from tui.settings.complaint import Complaint

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_BYTES = 1 << 17
CHOICES = MappingProxyType(
    {
        "language": ("auto", "en", "zh"),
        "theme": ("auto", "dark", "light", "plain"),
        "low_power": ("auto", "on", "off"),
    }
)
"""Each setting's values; the first is the default."""
TABLES = ("keys", "presets")
"""Of the same file, which others read."""


@dataclass(frozen=True, slots=True)
class Settings:
    language: str = "auto"
    theme: str = "auto"
    low_power: str = "auto"


def settings_path() -> Path:
    return config_dir() / "app.toml"


def read_settings(path: Path) -> tuple[Settings, list[Complaint]]:
    """What the file sets, and a complaint for each thing in it that cannot be used. Without a file all is default."""
    try:
        text = _read(path)
        found = tomllib.loads(text)
    except FileNotFoundError:
        return Settings(), []
    except (OSError, UnicodeDecodeError) as error:
        return Settings(), [Complaint("unreadable", str(path), getattr(error, "strerror", "") or "UTF-8?")]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return Settings(), [Complaint("not_toml", str(path), str(error))]
    settings, complaints = Settings(), []
    for name, value in found.items():
        if name in TABLES:
            continue
        # true and false are what one would write of a switch.
        word = {True: "on", False: "off"}.get(value) if isinstance(value, bool) else value
        if name not in CHOICES:
            complaints.append(Complaint("unknown", str(path), name, " ".join(CHOICES)))
        elif word in CHOICES[name]:
            settings = replace(settings, **{name: word})
        else:
            complaints.append(Complaint("wrong", str(path), f"{name} = {value!r}"[:60], " ".join(CHOICES[name])))
    return settings, complaints


def write_settings(path: Path, settings: Settings) -> None:
    """Changes the lines that say otherwise, and adds those that are missing; comments and all else stay. The file is
    replaced in one step. Raises AutoglmError where it cannot be written, or read."""
    try:
        text = _read(path)
    except FileNotFoundError:
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise AutoglmError(f"{path} cannot be read, so nothing was changed in it.") from error
    before, _ = read_settings(path)
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != getattr(before, field.name):
            text = with_line(text, field.name, value)
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise AutoglmError(f"{path} is no valid TOML ({error}), so nothing was changed in it.") from error
    try:
        private_dir(path.parent)
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path.resolve())
    except OSError as error:
        raise AutoglmError(f"{path} cannot be written: {error.strerror}.") from error


def with_line(text: str, name: str, value: str) -> str:
    """The TOML `text` with `name` set to `value` before its first table."""
    begin = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    top, tables = (text[: begin.start()], text[begin.start() :]) if begin else (text, "")
    line = f'{name} = "{value}"'
    pattern = re.compile(rf"^[ \t]*{name}[ \t]*=[ \t]*(\"[^\"\n]*\"|'[^'\n]*'|[^\s#]+)", re.MULTILINE)
    top, n = pattern.subn(line, top, count=1)
    if not n:
        top = f"{top}{'' if not top or top.endswith(chr(10)) else chr(10)}{line}\n"
    return top + tables


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(MOST_BYTES).decode("utf-8")
