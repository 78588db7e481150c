"""Starting the child, and saying in a sentence why it ended."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time_ns

from autoglm_lite.errors import LoadError
from autoglm_lite.hardware.build import FOREIGN_BUILD, refuse_foreign_build
from autoglm_lite.paths import private_dir, state_dir

LOGS_KEPT = 8
TELLING = r"GGML_ASSERT|\berror\b|failed|what\(\)|^/\S+:\d+: "
"""Marks a line of the native log that tells of a failure."""
LOAD_REASON = "error loading model: "
DEVICE_FAILURE = r"Remote RPC server crashed|Failed to connect to|CUDA error|HIP error|vk::\w+Error|SYCL error"
"""What ggml writes before it gives up because of a device."""
LOG_TAIL = 8192
"""Bytes of the log that are searched for the reason of a death."""


@dataclass(frozen=True, slots=True)
class ChildProcess:
    process: subprocess.Popen[bytes]
    connection: socket.socket
    log_path: Path


def start_child(log_path: Path | None = None) -> ChildProcess:
    """Starts a fresh interpreter (never a fork: OpenMP hangs in a forked child) with one end of a socket pair.

    Its native log goes to `log_path`, by default a new file in the state folder. Keyboard interrupts do not reach it.
    Raises LoadError, before anything native is loaded, where llama.cpp is certain to crash on this processor, and where
    no process can be started.
    """
    refuse_foreign_build()
    log_path, log = _open_log(log_path)
    try:
        return _started(log_path, log)
    except OSError as error:
        raise LoadError(
            f"No process can be started for the model ({error.strerror}): close other programs and ask again."
        ) from error
    finally:
        os.close(log)


def _started(log_path: Path, log: int) -> ChildProcess:
    """Raises OSError."""
    ours, theirs = socket.socketpair()
    fd = theirs.fileno()
    # Isolated, with the search path that we have: neither the current folder nor PYTHON* variables change what it runs.
    code = f"import sys; sys.path[:] = {sys.path!r}; from autoglm_lite.worker.child import main; main({fd})"
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", code],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[fd],
            # On an abort ggml would otherwise fork a debugger and wait for it. And glibc would keep a heap for each
            # thread, where what one has freed is of no use to the others.
            env={**os.environ, "GGML_NO_BACKTRACE": "1", "MALLOC_ARENA_MAX": "1"},
            start_new_session=True,
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return ChildProcess(process, ours, log_path)


def death_sentence(returncode: int, log_path: Path) -> str:
    """Why the child ended, for the user: `returncode` is negative for a signal, as in subprocess."""
    number = -returncode
    if number == signal.SIGKILL:
        return (
            "The model's process was killed, most likely because memory ran out:"
            " close other programs, use a smaller --ctx or a smaller model."
        )
    if number == signal.SIGILL:
        return FOREIGN_BUILD
    if number == signal.SIGBUS:
        return "The model's file changed or could not be read while it was in use: check the disk and the file."
    last = _last_native_message(log_path)
    if number == signal.SIGABRT:
        return f"llama.cpp gave up on an internal error{last}. The log is {log_path}."
    if number > 0:
        return f"The model's process crashed ({_signal_name(number)}){last}. The log is {log_path}."
    return f"The model's process ended unexpectedly (exit code {returncode}){last}. The log is {log_path}."


def device_failed(log_path: Path) -> bool:
    """Whether a child that died did so because of a device."""
    return any(re.search(DEVICE_FAILURE, line) for line in _log_tail(log_path))


def load_failure(log_path: Path) -> str:
    """Why llama.cpp refused to load a model, in its own words, or nothing."""
    reasons = [line.partition(LOAD_REASON)[2] for line in _log_tail(log_path) if LOAD_REASON in line]
    return reasons[-1].strip()[:300].rstrip(".") if reasons else ""


def _last_native_message(log_path: Path) -> str:
    """The last line of the log that tells of a failure, as `: …`, or nothing."""
    telling = [line.strip() for line in _log_tail(log_path) if re.search(TELLING, line)]
    return f": {telling[-1][:300].rstrip('.')}" if telling else ""


def _log_tail(log_path: Path) -> list[str]:
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL))
            return log.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _open_log(path: Path | None) -> tuple[Path, int]:
    """The log and its descriptor; a log that cannot be written is done without."""
    for candidate in (path, None):
        with suppress(OSError):
            found = candidate or _new_log()
            return found, os.open(found, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nowhere = Path(os.devnull)
    return nowhere, os.open(nowhere, os.O_WRONLY | os.O_CLOEXEC)


def _new_log() -> Path:
    folder = private_dir(state_dir() / "logs")
    for old in sorted(folder.glob("worker-*.log"))[: -(LOGS_KEPT - 1)]:
        with suppress(OSError):
            old.unlink()
    return folder / f"worker-{time_ns()}-{os.getpid()}.log"
