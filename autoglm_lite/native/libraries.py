"""ggml's shared libraries beside llama-cpp-python's bindings, for what those do not bind."""

from __future__ import annotations

import ctypes
import sys
from importlib.util import find_spec
from pathlib import Path


def library(name: str) -> ctypes.CDLL:
    """`ggml-base`, `ggml-cpu`… without loading the rest of llama.cpp. Raises OSError when it is not there."""
    package = find_spec("llama_cpp")
    if package is None or not package.submodule_search_locations:
        raise OSError("llama-cpp-python is not installed")
    file = {"win32": f"{name}.dll", "darwin": f"lib{name}.dylib"}.get(sys.platform, f"lib{name}.so")
    return ctypes.CDLL(str(Path(package.submodule_search_locations[0]) / "lib" / file))
