"""Old processors, emulated: a compiler that finds itself on one, and a Python environment that lives on one.

QEMU's user mode runs one program and leaves what it starts to the real processor. So the emulated Python is a script
named `python`: what starts `sys.executable` starts the emulation again. QEMU passes the host's /proc/cpuinfo on, so
another is put in its place by QEMU's `-L`, which looks for each file below a folder first.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.hardware.build import installed_libraries
from tests.hardware.trees import write
from tests.install.shell import ROOT, call

QEMU = shutil.which("qemu-x86_64")
TOOLS = Path(sys.prefix).parent / "tools/bin"
"""What install.sh builds with, where this Python is its test-env's."""
_OLDEST = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush dts acpi mmx fxsr sse sse2 ss ht"
    " tm pbe syscall nx lm constant_tsc arch_perfmon pebs bts rep_good nopl cpuid aperfmperf pni dtes64 monitor ds_cpl"
    " vmx est tm2 ssse3 cx16 xtpr pdcm lahf_lm pti tpr_shadow vnmi flexpriority dtherm ida"
)


@dataclass(frozen=True)
class OldProcessor:
    name: str
    """As QEMU and GCC (in lower case) call it."""
    sold_as: str
    flags: str
    """As its kernel would write them into /proc/cpuinfo."""

    @property
    def words(self) -> frozenset[str]:
        return frozenset(self.flags.split())


CONROE = OldProcessor("Conroe", "Intel(R) Core(TM)2 CPU T7200 @ 2.00GHz", _OLDEST)
NEHALEM = OldProcessor("Nehalem", "Intel(R) Core(TM) i7 CPU Q 720 @ 1.60GHz", f"{_OLDEST} sse4_1 sse4_2 popcnt rdtscp")
SANDY_BRIDGE = OldProcessor(
    "SandyBridge",
    "Intel(R) Core(TM) i5-2430M CPU @ 2.40GHz",
    f"{NEHALEM.flags} pclmulqdq pcid x2apic tsc_deadline_timer aes xsave avx epb xsaveopt arat pln pts",
)
HASWELL = OldProcessor(
    "Haswell",
    "Intel(R) Core(TM) i5-4200M CPU @ 2.50GHz",
    f"{SANDY_BRIDGE.flags} sdbg fma movbe f16c rdrand abm fsgsbase tsc_adjust bmi1 avx2 smep bmi2 erms invpcid",
)
PROCESSORS = (NEHALEM, SANDY_BRIDGE, HASWELL)
"""From old to new."""


def compiler(folder: Path, name: str, processor: OldProcessor) -> Path:
    """GCC's driver `name` on `processor`: it says what -march=native means, and starts the compiler proper here."""
    return _script(folder / name, f'exec {QEMU} -cpu {processor.name} {shutil.which(name)} "$@"')


def python_on(processor: OldProcessor, folder: Path, says: OldProcessor | None = None) -> Path:
    """This Python's environment on `processor`, whose /proc/cpuinfo is that of `says`."""
    says = says or processor
    one = f"vendor_id\t: GenuineIntel\nmodel name\t: {says.sold_as}\nflags\t\t: {says.flags}\n"
    write(folder / "files", "proc/cpuinfo", "\n".join(f"processor\t: {i}\n{one}" for i in range(2)))
    environment = folder / "environment"
    (environment / "bin").mkdir(parents=True)
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", environment)
    for name in ("lib", "lib64"):
        if (Path(sys.prefix) / name).exists():
            (environment / name).symlink_to(Path(sys.prefix) / name)
    real = shlex.quote(str(Path(sys.executable).resolve()))
    files = shlex.quote(str(folder / "files"))
    # The environment of what it starts may be empty, so everything is written down.
    line = f'ulimit -c 0; exec {QEMU} -cpu {processor.name} -L {files} -0 "$0" {real} "$@"'
    return _script(environment / "bin/python", line)


def fetch_source(folder: Path) -> Path:
    """llama-cpp-python's source as install.sh fetches it: the lock's version, held to the lock's hash."""
    code = """
        clone=$1 tools=$2 program=$3 folder=$3 temporary=$3 log=$3/log
        version=$(llama_version)
        fetch_source
    """
    done = call(code, str(ROOT), str(TOOLS / "python"), str(folder), timeout=900)
    assert done.returncode == 0, done.stderr + (folder / "log").read_text()
    return folder / "source"


def build(processor: OldProcessor, source: Path, folder: Path) -> Path:
    """What to put in front of PYTHONPATH: llama_cpp as install.sh would have built it on `processor`.

    All but libggml-cpu is taken from the build of this machine, for whose processor only that library is compiled.
    """
    libraries = installed_libraries()
    assert libraries is not None
    folder.mkdir()
    options = call("echo $cmake_options").stdout.split()
    path = f"{TOOLS}:{_environment()['PATH']}"
    cmake = shutil.which("cmake", path=path)
    assert cmake is not None
    env = _environment() | {
        "PATH": path,
        "CC": str(compiler(folder, "gcc", processor)),
        "CXX": str(compiler(folder, "g++", processor)),
    }
    work = str(folder / "build")
    hook = f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={ROOT / 'scripts/llama.cmake'}"
    jobs = call("build_jobs").stdout.strip()
    for command in (
        [cmake, "-S", str(source), "-B", work, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", *options, hook],
        [cmake, "--build", work, "--target", "ggml-cpu", "-j", jobs],
    ):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout[-5000:]}{done.stderr[-5000:]}"
    packages = folder / "packages"
    shutil.copytree(libraries.parent, packages / "llama_cpp")
    shutil.copy(folder / "build/bin/libggml-cpu.so", packages / "llama_cpp/lib")
    return packages


def _environment() -> dict[str, str]:
    # What install.sh forgets too, and what would be compiled in.
    return {k: v for k, v in os.environ.items() if k not in ("SOURCE_DATE_EPOCH", "CMAKE_ARGS", "CFLAGS", "CXXFLAGS")}


def _script(path: Path, line: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)
    return path
