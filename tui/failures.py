"""What went wrong in this run of the app, with the details that a notice leaves out."""

from __future__ import annotations

import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.paths import private_dir, state_dir

MOST_KEPT = 20
LAST_BYTES = 4096
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Failure:
    clock: str
    sentence: str
    details: str


class Failures:
    def __init__(self) -> None:
        self._seen: list[Failure] = []

    def note(self, sentence: str, details: str = "") -> None:
        self._seen = [*self._seen[1 - MOST_KEPT :], Failure(time.strftime("%H:%M:%S"), sentence, details)]

    @property
    def any(self) -> bool:
        return bool(self._seen)

    def report(self, nothing: str, nothing_more: str) -> str:
        """The latest first."""
        parts = [
            f"{failure.clock}  {failure.sentence}\n\n{failure.details or nothing_more}" for failure in self._seen[::-1]
        ]
        return "\n\n\n".join(parts) or nothing


def log_path() -> Path:
    return state_dir() / "logs" / "app.log"


def log_error(error: BaseException) -> str:
    """Writes the traceback to the app's log, if the disk takes it, and returns it."""
    text = "".join(traceback.format_exception(error))
    with suppress(OSError):
        path = log_path()
        private_dir(path.parent)
        if path.exists() and path.stat().st_size > MOST_BYTES:
            path.replace(path.with_suffix(".old"))
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{text}\n")
    return text


def worker_report() -> str:
    """The end of the latest log that a worker wrote here, under its path."""
    logs = sorted((state_dir() / "logs").glob("worker-*.log"))
    return f"{logs[-1]}\n\n{said}" if logs and (said := last_lines(logs[-1])) else ""


def last_lines(path: Path) -> str:
    """The end of a log; empty where there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - LAST_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""
