"""A preset: a system prompt, sampling and thinking under a name, one TOML file each, which a person may edit."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoglm_lite.chat.setup import model_sampling
from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import RANGES, WHOLE_RANGES, Sampling
from autoglm_lite.paths import private_dir
from tui import toml
from tui.words.presets import Words

if TYPE_CHECKING:
    from autoglm_lite.chat.setup import ChatSetup

LONGEST_NAME = 60
MOST_BYTES = 100_000
MOST_SEED = 2**32 - 2
WHOLE = {**WHOLE_RANGES, "seed": (0, MOST_SEED)}


class PresetError(AutoglmError):
    """A preset cannot be read or written, or says what makes no sense."""


@dataclass(frozen=True, slots=True)
class Preset:
    """What it says nothing of stays as it is."""

    name: str
    system: str | None = None
    """Empty: no system prompt."""
    sampling: Mapping[str, float] = field(default_factory=dict)
    """Fields of Sampling."""
    thinking: bool | None = None


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the model is to answer from the next question on."""

    system: str | None
    sampling: Sampling
    thinking: bool | None


def behaviour(preset: Preset | None, setup: ChatSetup, *, flags_win: bool) -> Behaviour:
    """What `preset` makes of `setup`, which is as the model's file and the command line have it. `flags_win`: what the
    command line says counts for more, as at the start."""
    if preset is None:
        return Behaviour(setup.system, setup.sampling, setup.thinking)
    advised = model_sampling(setup.facts.sampling)
    given = {f.name for f in fields(Sampling) if getattr(advised, f.name) != getattr(setup.sampling, f.name)}
    wanted: dict[str, Any] = {k: v for k, v in preset.sampling.items() if not (flags_win and k in given)}
    system, thinking = preset.system, preset.thinking
    if system is None or (flags_win and setup.system is not None):
        system = setup.system
    if thinking is None or (flags_win and setup.thinking is not None):
        thinking = setup.thinking
    return Behaviour(system, replace(setup.sampling, **wanted), thinking)


def parsed(name: str, text: str, words: Words) -> Preset:
    """Raises PresetError."""
    try:
        values = toml.loads(text)
    except ValueError as error:
        raise PresetError(words.no_toml.format(name=name, why=error)) from error
    system, thinking = values.pop("system", None), values.pop("thinking", None)
    if not isinstance(system, str | None):
        raise PresetError(words.wrong_value.format(name=name, key="system", wanted=words.a_text))
    if not isinstance(thinking, bool | None):
        raise PresetError(words.wrong_value.format(name=name, key="thinking", wanted="true, false"))
    for key, value in values.items():
        whole = key in WHOLE
        if not whole and key not in RANGES:
            known = ", ".join(["system", "thinking", *RANGES, *WHOLE])
            raise PresetError(words.unknown_setting.format(name=name, key=key, known=known))
        least, most = WHOLE[key] if whole else RANGES[key]
        kind_is_right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not kind_is_right or not least <= value <= most:
            wanted = f"{least:,}–{most:,}"
            raise PresetError(words.wrong_value.format(name=name, key=key, wanted=wanted))
    return Preset(name, system, {k: v if k in WHOLE else float(v) for k, v in values.items()}, thinking)


def written(behaves: Behaviour) -> str:
    """A file that says all of it."""
    lines = [f"system = {toml_text(behaves.system or '')}"]
    switch = "true" if behaves.thinking else "false"
    lines.append(f"# thinking = {switch}" if behaves.thinking is None else f"thinking = {switch}")
    usual = Sampling()
    for name in [*RANGES, *WHOLE]:
        value = getattr(behaves.sampling, name)
        # Most know the first four; the others are named where they do something.
        if value is not None and (name in ("temperature", "top_k", "top_p", "min_p") or value != getattr(usual, name)):
            # Advice from a model's file has the digits of a 32-bit number.
            lines.append(f"{name} = {value if isinstance(value, int) else float(f'{value:.6g}')}")
    return "\n".join(lines) + "\n"


def toml_text(text: str) -> str:
    """A TOML string; a text of several lines stays readable."""
    several = "\n" in text
    escaped = "".join(_escaped(c) if c != "\n" or not several else c for c in text)
    return f'"""\n{escaped}"""' if several else f'"{escaped}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    is_control = letter < " " or letter == "\x7f"
    return f"\\u{ord(letter):04x}" if is_control and letter != "\t" else letter


class Shelf:
    """The presets in one folder (0700), one file (0600) each, and the name of the one in use."""

    def __init__(self, folder: Path, in_use: Path, words: Words) -> None:
        self._folder = folder
        self._in_use = in_use
        self._said = words

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.toml"))

    @property
    def in_use(self) -> str | None:
        """The name of the preset that was in use last, if it is still there."""
        try:
            name = self._in_use.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return name if name in self.names else None

    def text(self, name: str) -> str:
        """Raises PresetError."""
        try:
            with self._path(name).open(encoding="utf-8") as file:
                return file.read(MOST_BYTES)
        except (OSError, UnicodeDecodeError) as error:
            raise PresetError(self._said.unreadable.format(name=name, why=_why(error))) from error

    def get(self, name: str) -> Preset:
        """Raises PresetError."""
        return parsed(name, self.text(name), self._said)

    def save(self, name: str, text: str) -> Preset:
        """Raises PresetError; the file is then as it was."""
        preset = parsed(name, text, self._said)
        self._write(self._path(name), text)
        return preset

    def delete(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise PresetError(self._said.unwritable.format(name=name, why=_why(error))) from error

    def note_use(self, name: str | None) -> None:
        """For the next start. Raises PresetError."""
        self._write(self._in_use, name or "")

    def _path(self, name: str) -> Path:
        # A name begins with no dot and holds no slash, so it leads nowhere else.
        if not re.fullmatch(r"[^/\x00-\x1f.][^/\x00-\x1f]*", name) or len(name) > LONGEST_NAME:
            raise PresetError(self._said.wrong_name.format(n=LONGEST_NAME))
        return self._folder / f"{name}.toml"

    def _write(self, path: Path, text: str) -> None:
        try:
            private_dir(path.parent)
            # mkstemp makes it 0600.
            descriptor, name = tempfile.mkstemp(".new", ".", path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).replace(path)
        except OSError as error:
            raise PresetError(self._said.unwritable.format(name=path.stem, why=_why(error))) from error


def _why(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
