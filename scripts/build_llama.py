"""Builds llama-cpp-python's wheel from its unpacked source; install.sh runs this with its own build tools.

The build folder is kept, so that an interrupted build goes on where it stopped.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType


def build(source: Path, build_folder: Path, out: Path, cmake_args: list[str]) -> str:
    """Writes the wheel into `out` and returns its file name."""
    from scikit_build_core.build import build_wheel

    os.chdir(source)
    settings: dict[str, str | list[str]] = {
        "build-dir": str(build_folder),
        "cmake.args": cmake_args,
        # llama.cpp installs its libraries, headers and CMake files a second time, outside the package.
        "wheel.exclude": ["bin/**", "include/**", "lib/**"],
    }
    return str(build_wheel(str(out), settings))


def end_together() -> None:
    """Puts this process and the compilers it starts in one group, which ends when it is told to or install.sh is gone.

    ninja then removes what it has half written.
    """
    os.setsid()
    parent = os.getppid()

    def end(signal_number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)
        time.sleep(0.5)
        os._exit(128 + signal_number)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.killpg(0, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    source, build_folder, out, *cmake_args = sys.argv[1:]
    end_together()
    name = build(Path(source), Path(build_folder), Path(out), cmake_args)
    print(f"made {name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
