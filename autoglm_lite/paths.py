"""Where our files are: the XDG folders, or all of them under AUTOGLM_LITE_HOME."""

from __future__ import annotations

import os
from pathlib import Path

APP = "autoglm-lite"


def data_dir() -> Path:
    """Models and conversations: what the user would miss."""
    return _folder("data")


def state_dir() -> Path:
    """Logs: what can be thrown away."""
    return _folder("state")


def cache_dir() -> Path:
    """What is made again when it is missing."""
    return _folder("cache")


def config_dir() -> Path:
    """What the user writes."""
    return _folder("config")


def states_dir() -> Path:
    """What models have read, to go on from there."""
    return cache_dir() / "states"


def runtime_dir() -> Path:
    """Sockets, and what is true only while something runs; gone when the user has logged out, where the system does
    that."""
    import warnings

    try:
        with warnings.catch_warnings():
            # That XDG_RUNTIME_DIR is missing, as after `su`: another folder will do.
            warnings.simplefilter("ignore")
            return _folder("runtime")
    except OSError:
        # Another user has taken the place.
        return state_dir() / "runtime"


def private_dir(path: Path) -> Path:
    """Makes `path` and its missing parents readable by this user alone; an existing folder keeps its mode."""
    missing = [p for p in (path, *path.parents) if not p.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    return path


def _folder(kind: str) -> Path:
    home = os.environ.get("AUTOGLM_LITE_HOME")
    if home:
        return Path(home).expanduser().absolute() / kind
    import platformdirs

    find = {
        "config": platformdirs.user_config_path,
        "data": platformdirs.user_data_path,
        "state": platformdirs.user_state_path,
        "cache": platformdirs.user_cache_path,
        "runtime": platformdirs.user_runtime_path,
    }[kind]
    return find(APP, appauthor=False)
