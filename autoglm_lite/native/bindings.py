"""llama-cpp-python's bindings of llama.cpp's C API, without the rest of that package."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from functools import cache
from types import ModuleType
from typing import Any

from autoglm_lite.errors import LoadError


@cache
def bindings() -> Any:
    """The module `llama_cpp.llama_cpp`, its backends initialised once in this process.

    The package's own `__init__` also imports its high-level classes and with them numpy, Jinja and a disk cache:
    437 of 500 ms here. So the package is entered by its path alone.

    Raises LoadError when the package or its shared library is missing or cannot be loaded.
    """
    if "llama_cpp" not in sys.modules:
        spec = importlib.util.find_spec("llama_cpp")
        if spec is None or spec.submodule_search_locations is None:
            raise LoadError("llama-cpp-python is not installed here: run ./install.sh again.")
        sys.modules["llama_cpp"] = _bare_package("llama_cpp", list(spec.submodule_search_locations))
    try:
        from llama_cpp import llama_cpp as lib
    except (FileNotFoundError, RuntimeError, OSError) as error:
        raise LoadError(f"llama.cpp's library cannot be loaded ({error}): run ./install.sh again.") from error
    lib.llama_backend_init()
    return lib


def version() -> str:
    """Of llama-cpp-python, which brings its own llama.cpp."""
    from importlib.metadata import version as installed

    return installed("llama-cpp-python")


def _bare_package(name: str, locations: list[str]) -> ModuleType:
    package = ModuleType(name)
    package.__path__ = locations
    package.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)
    # Others still want to find its libraries.
    package.__spec__.submodule_search_locations = locations
    return package
