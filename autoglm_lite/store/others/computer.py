"""Where programs keep their files on a computer, by its system's habits."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Computer:
    """The one we run on, or one that a test made."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the environment."""
    system: str = "linux"
    """As sys.platform: linux, darwin or win32."""
    root: Path = Path("/")
    """What paths of the system begin with."""

    def named(self, variable: str, *within: str) -> list[Path]:
        """The folder that an environment variable names, and what is `within`; none where it names no full path."""
        said = self.variables.get(variable, "").strip("\"' ")
        path = self.home / said[2:] if said.startswith("~/") else Path(said)
        return [path.joinpath(*within)] if path.is_absolute() else []

    def cache(self) -> Path:
        """What can be fetched again."""
        if self.system == "darwin":
            return self.home / "Library" / "Caches"
        return self._first("LOCALAPPDATA" if self.system == "win32" else "XDG_CACHE_HOME", ".cache")

    def data(self) -> Path:
        if self.system == "darwin":
            return self.home / "Library" / "Application Support"
        if self.system == "win32":
            return self._first("APPDATA", "AppData/Roaming")
        return self._first("XDG_DATA_HOME", ".local/share")

    def local_data(self) -> Path:
        """As `data`; on Windows what stays on this computer."""
        return self._first("LOCALAPPDATA", "AppData/Local") if self.system == "win32" else self.data()

    def config(self) -> Path:
        return self.data() if self.system == "win32" else self._first("XDG_CONFIG_HOME", ".config")

    def _first(self, variable: str, else_at_home: str) -> Path:
        return next(iter(self.named(variable)), self.home / else_at_home)


def this_computer() -> Computer:
    """Raises RuntimeError where nobody knows the user's home folder."""
    return Computer(Path.home(), os.environ, "linux" if sys.platform.startswith("freebsd") else sys.platform)
