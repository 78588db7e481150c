"""With what the app begins, at its start and when it begins anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tui.settings.complaint import Complaint
from tui.settings.manners import Manners, manners_of, wants_low_power
from tui.settings.settings import Settings, read_settings, settings_path, write_settings
from tui.terminal.replies import Replies, dark_by_environ

FRAMES_IN_LOW_POWER = "20"
"""A second, at most; a key waits for one frame before it is seen."""


@dataclass(frozen=True, slots=True)
class Beginning:
    settings: Settings = field(default_factory=Settings)
    path: Path | None = None
    """Of the settings; None where they are not to be kept."""
    environ: Mapping[str, str] = field(default_factory=dict)
    dark: bool | None = None
    """Of the terminal's background; None where it is not known."""
    low_power: bool = False
    """Wanted on the command line."""
    complaints: tuple[Complaint, ...] = ()
    typed: str = ""
    """Keys that came before the app was there, as the terminal sent them."""
    draft: str = ""
    """For the box."""
    action: str = ""
    """What to do at once, by its id."""
    sentence: str = ""
    """What to say at once."""
    details: str = ""
    failed: tuple[float, ...] = ()
    """When it failed and began anew, of the monotonic clock."""

    @property
    def manners(self) -> Manners:
        """Looks at the machine where that is left to it."""
        return manners_of(self.settings, self.environ, self.dark, wants_low_power(self.settings, self.low_power))

    def told_by(self, replies: Replies) -> Beginning:
        """With what the terminal has said of itself, and what was typed before the app was there."""
        dark = dark_by_environ(self.environ) if replies.dark is None else replies.dark
        return replace(self, dark=dark, typed=replies.typed)

    def with_settings(self, settings: Settings) -> Beginning:
        """The same with other settings, written to the disk. Raises AutoglmError."""
        if self.path is not None:
            write_settings(self.path, settings)
        return replace(self, settings=settings)


def beginning(environ: Mapping[str, str], low_power: bool) -> Beginning:
    """With the user's settings. To be called before Textual is imported, which reads its own then."""
    path = settings_path()
    settings, complaints = read_settings(path)
    if wants_low_power(settings, low_power):
        os.environ["TEXTUAL_FPS"] = FRAMES_IN_LOW_POWER
    return Beginning(settings, path, environ, low_power=low_power, complaints=tuple(complaints))
