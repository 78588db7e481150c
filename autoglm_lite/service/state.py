"""How the service is doing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.errors import AutoglmError
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.service.asking import ask
from autoglm_lite.service.installed import reason
from autoglm_lite.service.running import Running
from autoglm_lite.service.systemctl import properties, systemctl
from autoglm_lite.service.unit import SERVICE, SOCKET

SECONDS = 10.0
"""For an answer: the machine may be busy with a prompt."""


@dataclass(frozen=True, slots=True)
class State:
    words: str
    running: Running | None
    """Where it is reached; its process id is 0 while only systemd listens."""
    models: str = "none in memory"
    n_bytes: int = 0
    """Of memory, that its processes hold."""
    memory_max: int | None = None
    last_error: str = ""


def installed_state() -> State:
    """Of the installed service. Raises AutoglmError."""
    found = properties(SERVICE, "ActiveState", "MainPID", "ActiveEnterTimestamp", "MemoryMax", "StatusText")
    socket_state = properties(SOCKET, "ActiveState").get("ActiveState", "")
    pid = int(found.get("MainPID") or 0)
    active = found.get("ActiveState", "")
    limit = found.get("MemoryMax", "")
    failed = reason()
    if active == "active":
        words = f"running since {found.get('ActiveEnterTimestamp') or 'a moment ago'}"
    elif active in ("activating", "deactivating", "reloading"):
        words = {"activating": "starting", "deactivating": "stopping"}.get(active, active)
    elif "failed" in (active, socket_state):
        words = "failed: `autoglm-lite service start` tries again, `autoglm-lite service logs` says more"
    elif socket_state == "active":
        words = "waiting: the first request starts it"
    else:
        words = "stopped: `autoglm-lite service start` starts it"
    return State(
        words,
        Running(pid, *_places()),
        n_bytes=held(pid) if pid else 0,
        memory_max=int(limit) if limit.isdecimal() else None,
        last_error=found.get("StatusText") or failed,
    )


def models_of(running: Running, key: str | None) -> str:
    """The models in memory, in words; asked of a service that runs."""
    place = running.socket or running.url
    if place is None:
        return "not known"
    try:
        answer = ask(place, "/api/ps", key, seconds=SECONDS)
        names = [str(model["name"]).removesuffix(":latest") for model in answer["models"]]  # type: ignore[index]
    except (AutoglmError, KeyError, TypeError):
        return "not known: it does not answer"
    return ", ".join(names) or "none in memory"


def held(pid: int) -> int:
    """Bytes that a process and all that it has started hold."""
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in _words(path)]
    return process_memory(pid)[0] + sum(map(held, children))


def _places() -> tuple[str | None, str | None]:
    """The URL and the Unix socket at which systemd listens."""
    url = path = None
    for line in systemctl("show", SOCKET, "--property=Listen").splitlines():
        address = line.removeprefix("Listen=").removesuffix(" (Stream)")
        if address.startswith("/"):
            path = address
        elif address:
            url = f"http://{address}".replace("://0.0.0.0:", "://127.0.0.1:").replace("://[::]:", "://[::1]:")
    return url, path


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
