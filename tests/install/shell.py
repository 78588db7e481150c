"""Runs install.sh's own functions, and install.sh itself, in a real shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "install.sh"

SHELLS = [["sh"], *([name] for name in ("dash", "bash") if shutil.which(name))]
if shutil.which("busybox"):
    SHELLS.append(["busybox", "sh"])


def environment(home: Path, **extra: str) -> dict[str, str]:
    """Nothing of the caller's that would decide where things go."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PREFIX", "AUTOGLM_LITE_HOME", "CC", "CXX")}
    return {k: v for k, v in kept.items() if not k.startswith("XDG_")} | {"HOME": str(home)} | extra


def call(
    code: str,
    *arguments: str,
    shell: list[str] | None = None,
    env: dict[str, str] | None = None,
    timeout: float = 30,
) -> subprocess.CompletedProcess[str]:
    """Runs `code` after install.sh's functions, that is after all of it but its last line."""
    functions = SCRIPT.read_text().removesuffix('main "$@"\n')
    assert functions != SCRIPT.read_text()
    command = [*(shell or ["sh"]), "-c", functions + code, "install.sh", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, env=env)


def install_sh(*arguments: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, env=env)
