"""Where the service that runs now is found by our own programs: a file that it keeps while it listens."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from autoglm_lite.paths import private_dir, runtime_dir

NAME = "serving.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A service that listens."""

    pid: int
    url: str | None
    """Without a path at its end, such as http://127.0.0.1:8484."""
    socket: str | None
    """The path of its Unix socket."""


@contextmanager
def announce(url: str | None, socket: str | None) -> Iterator[None]:
    """Has this process found as long as this lasts; of several, the one that came last, and after its end the one
    before. Where it cannot be written, the service is just not found."""
    path = runtime_dir() / NAME
    before = find()
    with suppress(OSError):
        _write(path, Running(os.getpid(), url, socket))
    try:
        yield
    finally:
        found = _read(path)
        if found is None or found.pid == os.getpid():
            with suppress(OSError):
                path.unlink(missing_ok=True)
                if before is not None and _lives(before.pid):
                    _write(path, before)


def find() -> Running | None:
    """The service of this user that runs now; None where there is none, or its process has gone."""
    found = _read(runtime_dir() / NAME)
    return found if found is not None and _lives(found.pid) else None


def _write(path: Path, running: Running) -> None:
    fresh = private_dir(path.parent) / f"{NAME}.{running.pid}"
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:  # noqa: PTH123
            json.dump(asdict(running), file)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def _read(path: Path) -> Running | None:
    """Nothing that another user could have put there is believed."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)) as file:  # noqa: PTH123
            if os.fstat(file.fileno()).st_uid != os.getuid():
                return None
            said = json.loads(file.read(8192))
        pid, url, socket = int(said["pid"]), said["url"], said["socket"]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    # In a container the service may be process 1.
    if pid < 1 or not all(part is None or isinstance(part, str) for part in (url, socket)):
        return None
    return Running(pid, url, socket)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
