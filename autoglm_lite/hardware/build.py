"""What the installed llama.cpp was compiled for, read from its library's file without loading it.

ggml exports `ggml_cpu_has_avx2()` and the like (ggml-cpu.c), each of which the compiler has turned into one constant. A
library that contains an instruction this processor lacks would kill the process that loads it; its file can be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from autoglm_lite.errors import LoadError
from autoglm_lite.hardware.elf import read_functions
from autoglm_lite.hardware.processor import Processor, read_processor

FOREIGN_BUILD = (
    "llama.cpp was built for a newer processor than this one: run ./install.sh again to build it for this one."
)

FEATURES = {
    "sse3": "pni",
    "ssse3": "ssse3",
    "avx": "avx",
    "f16c": "f16c",
    "fma": "fma",
    "bmi2": "bmi2",
    "avx2": "avx2",
    "avx_vnni": "avx_vnni",
    "avx512": "avx512f",
    "avx512_vbmi": "avx512vbmi",
    "avx512_vnni": "avx512_vnni",
    "avx512_bf16": "avx512_bf16",
    "amx_int8": "amx_int8",
    "neon": "asimd",
    "fp16_va": "asimdhp",
    "dotprod": "asimddp",
    "matmul_int8": "i8mm",
    "sve": "sve",
    "sme": "sme",
}
"""The ends of ggml's function names, and /proc/cpuinfo's words for the same."""

_LONG_KNOWN = frozenset(
    {"pni", "ssse3", "avx", "f16c", "fma", "bmi2", "avx2", "avx512f", "avx512vbmi", "avx512_vnni"}
    | {"asimd", "asimdhp", "asimddp"}
)
"""What every Linux since 4.15 names. Of the newer ones an old kernel says nothing on a processor that has them."""

_PREFIX = "ggml_cpu_has_"
_ONE = (
    bytes.fromhex("b801000000c3"),  # x86-64: mov eax, 1; ret
    bytes.fromhex("20008052c0035fd6"),  # ARM64: mov w0, #1; ret
)
_LANDINGS = (bytes.fromhex("f30f1efa"), bytes.fromhex("5f2403d5"))
"""endbr64 and bti c, which some compilers put first."""


@dataclass(frozen=True, slots=True)
class Build:
    features: frozenset[str] | None
    """Instruction sets that its code uses, in /proc/cpuinfo's words; None where the file does not tell."""
    backends: frozenset[str]
    """Kinds of graphics it was built with, of: cuda, vulkan, metal, hip, sycl."""


def read_build(folder: Path) -> Build | None:
    """The llama.cpp whose libraries lie in `folder`; None if none does."""
    if not any(folder.glob("libggml*")) and not any(folder.glob("ggml*.dll")):
        return None
    backends = {
        name
        for name in ("cuda", "vulkan", "metal", "hip", "sycl")
        if any(folder.glob(f"libggml-{name}*")) or any(folder.glob(f"ggml-{name}*"))
    }
    functions = read_functions(folder / "libggml-cpu.so", _PREFIX)
    features = {
        word for end, word in FEATURES.items() if _without_landing(functions.get(_PREFIX + end, b"")).startswith(_ONE)
    }
    return Build(frozenset(features) if functions else None, frozenset(backends))


def installed_libraries() -> Path | None:
    """The folder of the libraries that this Python would load, found without importing the package that loads them."""
    found = find_spec("llama_cpp")
    folders = list(found.submodule_search_locations or ()) if found else []
    return Path(folders[0]) / "lib" if folders else None


def missing_instructions(build: Build, processor: Processor) -> frozenset[str]:
    """What `build` uses and `processor` lacks, so that loading it would end the process; only what is certain."""
    if build.features is None or not processor.words:
        return frozenset()
    certain = build.features if processor.names_all else build.features & _LONG_KNOWN
    return certain - processor.words


def refuse_foreign_build() -> None:
    """Raises LoadError where the installed llama.cpp is certain to crash on this processor; loads nothing of it."""
    libraries = installed_libraries()
    build = read_build(libraries) if libraries else None
    if build is not None and missing_instructions(build, read_processor(Path("/"))):
        raise LoadError(FOREIGN_BUILD)


def _without_landing(code: bytes) -> bytes:
    return code[4:] if code.startswith(_LANDINGS) else code


def installed_version() -> str:
    """Of llama-cpp-python, by the folder that its installation leaves; empty if there is none."""
    libraries = installed_libraries()
    folders = libraries.parent.parent.glob("llama_cpp_python-*.dist-info") if libraries else ()
    return max((folder.stem.partition("-")[2] for folder in folders), default="")
