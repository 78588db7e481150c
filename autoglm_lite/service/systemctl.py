"""Asking the user's service manager, with a limit of time; what it refuses becomes a sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoglm_lite.errors import AutoglmError

SECONDS = 30.0
SECONDS_TO_START = 150.0
"""More than TimeoutStartSec= and a few restarts: the manager's own answer says more than ours."""
RUNS = Path("/run/systemd/system")
"""Where systemd is the first process; see sd_booted(3)."""
IGNORED = ("Unknown key", "Unknown lvalue")
"""What an older systemd says of settings that it does not know yet."""
INSTEAD = "run `autoglm-lite serve` in a terminal instead, or have whatever starts your programs run it."


class NoManagerError(AutoglmError):
    """No systemd here manages this user's services."""


def require_manager() -> int:
    """The version of systemd. Raises NoManagerError with what to do instead."""
    if shutil.which("systemctl") is None:
        raise NoManagerError(f"There is no systemd here, which would run the service in the background: {INSTEAD}")
    if not RUNS.exists():
        raise NoManagerError(_no_systemd())
    if not os.environ.get("XDG_RUNTIME_DIR"):
        raise NoManagerError(
            "XDG_RUNTIME_DIR is not set, as happens after `su` or `sudo`: log in as this user itself"
            " (`machinectl shell USER@` does it too), and ask again."
        )
    try:
        shown = systemctl("show", "--property=Version", "--value")
    except AutoglmError as error:
        raise NoManagerError(_no_systemd()) from error
    number = re.match(r"\d+", shown)
    return int(number.group()) if number else 0


def systemctl(*arguments: str, seconds: float = SECONDS) -> str:
    """What `systemctl --user` prints. Raises AutoglmError with the first line of what it complains about."""
    return _run(["systemctl", "--user", "--no-pager", "--no-ask-password", *arguments], seconds)


def properties(unit: str, *names: str) -> Mapping[str, str]:
    """Of a unit, also of one that is not there, without names that this systemd does not know. Raises AutoglmError."""
    shown = systemctl("show", unit, *(f"--property={name}" for name in names))
    pairs = (line.partition("=") for line in shown.splitlines())
    return {name: value for name, _, value in pairs}


def verify(units: Sequence[Path]) -> None:
    """Raises AutoglmError with what systemd finds wrong in the files."""
    if shutil.which("systemd-analyze") is None:
        return
    command = ["systemd-analyze", "--user", "verify", *map(str, units)]
    done = _call(command, SECONDS)
    ours = [line for line in done.stderr.splitlines() if any(unit.name in line for unit in units)]
    ours = [line for line in ours if not any(words in line for words in IGNORED)]
    if ours:
        raise AutoglmError(f"systemd finds a mistake in the unit that was made for it: {ours[0].strip()[:300]}")


def journal(unit: str, *arguments: str) -> str:
    """Lines of the unit's log, without their dates; empty where there is no log."""
    try:
        return _run(
            ["journalctl", "--user", f"--user-unit={unit}", "--no-pager", "--quiet", "--output=cat", *arguments],
            SECONDS,
        )
    except AutoglmError:
        return ""


def _run(command: Sequence[str], seconds: float) -> str:
    done = _call(command, seconds)
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        said = lines[0][:300].rstrip(".") if lines else f"exit code {done.returncode}"
        raise AutoglmError(f"`{command[0]}` refuses: {said}.")
    return done.stdout


def _call(command: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    # Its words are looked at here.
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=environment,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AutoglmError(f"`{command[0]}` has not answered for {seconds:.0f} s: ask again later.") from error
    except OSError as error:
        raise AutoglmError(f"`{command[0]}` cannot be run ({error.strerror}).") from error


def _no_systemd() -> str:
    if _in_wsl():
        return (
            "WSL runs no systemd now: write the two lines `[boot]` and `systemd=true` into /etc/wsl.conf, run"
            f" `wsl --shutdown` in Windows (WSL 2 only), and ask again; or {INSTEAD}"
        )
    return f"No systemd manages this user's services here, as in a container: {INSTEAD}"


def _in_wsl() -> bool:
    try:
        return "microsoft" in Path("/proc/sys/kernel/osrelease").read_text().lower()
    except OSError:
        return False
