"""The units on disk and in the user's service manager: put there whole, or not at all, and taken away again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import AutoglmError
from autoglm_lite.service.systemctl import SECONDS_TO_START, journal, properties, systemctl, verify
from autoglm_lite.service.unit import DROP_INS, GPU_DROP_IN, SERVICE, SOCKET, Unit, gpu_text, service_text, socket_text


def units_folder() -> Path:
    """Where the user's service manager looks for units."""
    config = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(config) / "systemd" / "user"


def texts(unit: Unit, *, gpu: bool) -> Mapping[Path, str | None]:
    """The files by their paths; None for one that is not to be there."""
    folder = units_folder()
    return {
        folder / SOCKET: socket_text(unit),
        folder / SERVICE: service_text(unit),
        folder / DROP_INS / GPU_DROP_IN: gpu_text() if gpu else None,
    }


def is_installed() -> bool:
    return (units_folder() / SERVICE).exists()


def install(files: Mapping[Path, str | None], first_answer: Callable[[], None]) -> None:
    """Writes the units, enables and starts the socket and the service, and has `first_answer` wait for it.

    Raises AutoglmError; then all is as it was before.
    """
    before = {path: path.read_text() if path.exists() else None for path in files}
    was_enabled = is_installed() and properties(SOCKET, "UnitFileState").get("UnitFileState") == "enabled"
    try:
        if is_installed():
            _stop()
        _write(files)
        verify([path for path in files if path.parent == units_folder()])
        systemctl("daemon-reload")
        systemctl("enable", SOCKET)
        start()
        systemctl("start", SERVICE, seconds=SECONDS_TO_START)
        first_answer()
    except BaseException as error:
        why = reason() if isinstance(error, AutoglmError) else ""
        with suppress(AutoglmError):
            _stop()
            if not was_enabled:
                systemctl("disable", SOCKET)
        _write(before)
        with suppress(AutoglmError):
            systemctl("daemon-reload")
            if was_enabled:
                start()
        if why:
            raise AutoglmError(f"The service does not start: {why}") from error
        raise


def start() -> None:
    """Has systemd listen; nothing runs before the first request. Raises AutoglmError."""
    # What has failed too often is begun anew.
    with suppress(AutoglmError):
        systemctl("reset-failed", SOCKET, SERVICE)
    try:
        systemctl("start", SOCKET)
    except AutoglmError as error:
        raise AutoglmError(
            "The address of the service cannot be had: another program listens there. Stop it, or install the service"
            " again with another --port."
        ) from error


def stop() -> None:
    """Also the socket, so that no request starts it again. Raises AutoglmError."""
    systemctl("stop", SOCKET, SERVICE, seconds=SECONDS_TO_START)


def restart() -> None:
    """The next request finds a new process. Raises AutoglmError."""
    with suppress(AutoglmError):
        systemctl("reset-failed", SOCKET, SERVICE)
    systemctl("start", SOCKET)
    systemctl("try-restart", SERVICE, seconds=SECONDS_TO_START)


def uninstall() -> None:
    """Raises AutoglmError."""
    stop()
    systemctl("disable", SOCKET)
    folder = units_folder()
    for name in (SOCKET, SERVICE):
        (folder / name).unlink(missing_ok=True)
    for name in (f"{SOCKET}.d", DROP_INS):
        shutil.rmtree(folder / name, ignore_errors=True)
    systemctl("daemon-reload")
    with suppress(AutoglmError):
        systemctl("reset-failed", SOCKET, SERVICE)


def reason() -> str:
    """Why the service has failed, in its own words where it said any; empty where it has not."""
    found = properties(SERVICE, "Result", "StatusText", "ExecMainStatus", "NRestarts")
    result = found.get("Result", "success")
    if result == "success" and found.get("NRestarts", "0") == "0":
        return ""
    if found.get("StatusText"):
        return found["StatusText"]
    lines = [line for line in journal(SERVICE, "--lines=20").splitlines() if line.startswith("autoglm-lite: ")]
    if lines:
        return lines[-1].removeprefix("autoglm-lite: ")
    named = {"watchdog": "it no longer answered", "oom-kill": "memory ran out", "timeout": "it took too long"}
    return f"{named.get(result, f'systemd says {result}, exit status ' + found.get('ExecMainStatus', '?'))}."


def _stop() -> None:
    with suppress(AutoglmError):
        stop()


def _write(files: Mapping[Path, str | None]) -> None:
    """Each appears whole."""
    for path, text in files.items():
        if text is None:
            path.unlink(missing_ok=True)
            if path.parent != units_folder():
                with suppress(OSError):
                    path.parent.rmdir()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            fresh.write_text(text)
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)
