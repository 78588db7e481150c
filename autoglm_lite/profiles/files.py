"""Where profiles are: those that come with the program, a file that is named, and the user's own."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.errors import ProfileError, UsageError
from autoglm_lite.paths import config_dir
from autoglm_lite.profiles.profile import Profile, read_profile

SUFFIX = ".toml"
MODELS = "models.toml"
"""Lies beside the profiles and is none."""


def profiles_dir() -> Path:
    """Beside the package, in a clone as where it is installed."""
    return Path(__file__).parent.parent.parent / "profiles"


def own_path() -> Path:
    return config_dir() / "profile.toml"


def profile_names() -> list[str]:
    """Of the profiles that come with the program."""
    return sorted(path.stem for path in profiles_dir().glob("*" + SUFFIX) if path.name != MODELS)


def read_profiles() -> list[Profile]:
    """All that come with the program. Raises ProfileError."""
    return [read_profile(profiles_dir() / (name + SUFFIX)) for name in profile_names()]


def named_profile(name: str) -> Profile:
    """The profile of this name, or in the file of this path, which ends in .toml. Raises UsageError, ProfileError."""
    if name in profile_names():
        return read_profile(profiles_dir() / (name + SUFFIX))
    if not name.endswith(SUFFIX):
        known = ", ".join(profile_names())
        raise UsageError(f"There is no profile called {name[:60]}: use {known}, or the path of a {SUFFIX} file.")
    if "\0" in name:
        raise UsageError("The path of the profile has a character that no path can have.")
    path = Path(name).expanduser()
    if not path.is_file():
        raise ProfileError(f"There is no file {path}: check the path of the profile.")
    return read_profile(path)


def own_profile() -> Profile | None:
    """The user's; None if there is none. Raises ProfileError."""
    path = own_path()
    return read_profile(path) if path.is_file() else None
