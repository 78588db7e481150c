"""The texts of the systemd user units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.errors import UsageError

NAME = "autoglm-lite"
SERVICE = f"{NAME}.service"
SOCKET = f"{NAME}.socket"
DROP_INS = f"{SERVICE}.d"
GPU_DROP_IN = "gpu.conf"
MARK = "# Made by `autoglm-lite service install`; `systemctl --user edit` changes what you want otherwise."

WATCHDOG_SECONDS = 60
STEPS_SINCE = 254
"""The version of systemd that knows RestartSteps."""

MIB = 1 << 20
SERVER_BYTES = 256 * MIB
"""What is not in a model's plan: the server, and requests under way."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What the units are made of."""

    command: Sequence[str]
    """The program, by its absolute path, and all its arguments."""
    listen: Sequence[str]
    """Addresses and absolute paths of Unix sockets, as ListenStream= takes them, but for `%`."""
    memory_high: int
    """Bytes at which the kernel begins to take memory back from the service; likewise where it ends a process of it."""
    memory_max: int
    home: Path
    runtime: Path
    """XDG_RUNTIME_DIR."""
    writable: Sequence[Path] = ()
    """Folders of our own."""
    readable: Sequence[Path] = ()
    """Folders of the program and of models."""
    environment: Sequence[tuple[str, str]] = ()
    confined: bool = True
    """Whether the system lets this user make namespaces, without which the home folder cannot be hidden."""
    systemd: int = 252
    """The version of systemd."""


def memory_limits(total: int, needed: int, asked: int | None) -> tuple[int, int]:
    """MemoryHigh and MemoryMax of a machine with `total` bytes for a plan that needs `needed`, or for who gave the
    models `asked` bytes: the desktop keeps an eighth, at least 512 MiB, unless the plan takes more."""
    wanted = max(total - max(total // 8, 512 * MIB), needed + SERVER_BYTES) if asked is None else asked + SERVER_BYTES
    high = min(wanted, total)
    return high, min(high + max(high // 16, 64 * MIB), total)


def socket_text(unit: Unit) -> str:
    """Of the socket unit: it listens for the service, also while that does not run. It makes folders that are gone,
    such as those of the last login, since the service can make none where the home folder is hidden."""
    listen = "\n".join(f"ListenStream={_raw(address)}" for address in unit.listen)
    folders = " ".join(quoted(str(folder)) for folder in unit.writable)
    making = f"ExecStartPre=-:/usr/bin/env mkdir -p -m 700 {folders}\n" if folders else ""
    return f"""{MARK}
[Unit]
Description=autoglm-lite: where programs ask for language models

[Socket]
{making}{listen}
SocketMode=0600
DirectoryMode=0700
RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"""


def service_text(unit: Unit) -> str:
    """Of the service unit."""
    environment = "".join(f"Environment={quoted(f'{name}={value}')}\n" for name, value in unit.environment)
    steps = "RestartSteps=6\nRestartMaxDelaySec=120\n" if unit.systemd >= STEPS_SINCE else ""
    # The colon: nothing of the command is taken for a variable.
    return f"""{MARK}
[Unit]
Description=autoglm-lite: language models on this computer, for other programs
Requires={SOCKET}
After={SOCKET}
StartLimitIntervalSec=300
StartLimitBurst=8

[Service]
Type=notify
NotifyAccess=main
ExecStart=:{" ".join(map(quoted, unit.command))}
WorkingDirectory=/
{environment}TimeoutStartSec=120
TimeoutStopSec=30
WatchdogSec={WATCHDOG_SECONDS}
TimeoutAbortSec=3
KillMode=mixed
Restart=on-failure
RestartSec=1
{steps}
# Other programs come first, and a model that grows too big ends before they do.
MemoryHigh={unit.memory_high}
MemoryMax={unit.memory_max}
OOMScoreAdjust=300
OOMPolicy=continue
CPUWeight=20
IOWeight=20
Nice=5
TasksMax=512
LimitCORE=0

{_sandbox()}{_namespaces(unit) if unit.confined else ""}"""


def gpu_text() -> str:
    """Of the drop-in for machines whose graphics card is used: drivers need their devices, and make code."""
    return f"{MARK}\n[Service]\nMemoryDenyWriteExecute=no\nPrivateDevices=no\n"


def quoted(text: str) -> str:
    """One word of a list in a unit. Raises UsageError for a text that no unit can hold."""
    return '"' + _raw(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _raw(text: str) -> str:
    """A value that takes the whole line."""
    if not text.isprintable():
        raise UsageError(f"{text!r} has a character that a systemd unit cannot hold: use another name.")
    return text.replace("%", "%%")


def _sandbox() -> str:
    """What a user unit can do by itself: filters of system calls. The rest is ignored without PrivateUsers= (and
    ProtectProc=, ProtectControlGroups= and RemoveIPC= with it too)."""
    return """UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @keyring
SystemCallErrorNumber=EPERM
"""


def _namespaces(unit: Unit) -> str:
    """The whole home folder is hidden, and other programs' sockets, but for what is ours.

    ProtectKernelTunables= and ProtectKernelLogs= are left out: they fail in some containers and virtual machines, and
    a user may not change or read those anyway.
    """
    hidden = [folder for folder in (unit.home, unit.runtime) if folder != Path("/")]
    covered = (*hidden, Path("/tmp"), Path("/var/tmp"))
    binds = [f"BindReadOnlyPaths=-{quoted(str(unit.runtime / 'systemd' / 'notify'))}"]
    binds += [f"BindReadOnlyPaths=-{quoted(str(path))}" for path in _outermost(unit.readable) if _inside(path, covered)]
    binds += [f"BindPaths=-{quoted(str(path))}" for path in _outermost(unit.writable)]
    return f"""
PrivateUsers=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateIPC=yes
ProtectSystem=strict
ProtectHostname=yes
ProtectClock=yes
ProtectKernelModules=yes
CapabilityBoundingSet=
TemporaryFileSystem={" ".join(_mount(path, "ro,mode=0700") for path in _outermost(hidden))}
{chr(10).join(binds)}
"""


def _mount(path: Path, options: str) -> str:
    """TemporaryFileSystem= takes its words apart once more, at colons."""
    escaped = str(path).replace("\\", "\\\\").replace(":", "\\:")
    return quoted(f"{escaped}:{options}")


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that are inside others, in their order."""
    distinct = list(dict.fromkeys(paths))
    return [path for path in distinct if not any(path != other and path.is_relative_to(other) for other in distinct)]


def _inside(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
