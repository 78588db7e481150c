"""As an old processor: its own build answers, and a newer one's is refused before anything of it is loaded."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoglm_lite.hardware.arrays import NO_NUMPY
from autoglm_lite.hardware.build import FEATURES, FOREIGN_BUILD, installed_libraries
from autoglm_lite.hardware.processor import read_processor
from tests.conftest import STORIES
from tests.install.old_processors import (
    CONROE,
    HASWELL,
    NEHALEM,
    PROCESSORS,
    QEMU,
    SANDY_BRIDGE,
    TOOLS,
    OldProcessor,
    build,
    compiler,
    fetch_source,
    python_on,
)

HERE = read_processor(Path("/"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (sys.platform == "linux" and HERE.x86), reason="emulates x86 on Linux"),
    pytest.mark.skipif(QEMU is None, reason="qemu-x86_64 is not here (Debian's package qemu-user)"),
    pytest.mark.skipif(shutil.which("g++") is None, reason="GCC is not here"),
    pytest.mark.skipif(not TOOLS.exists(), reason="this Python is not that of ./install.sh test"),
]

ROOT = Path(__file__).parents[2]
QUESTION = "How do I get a better model?"
THIS_MACHINE = "this machine"
SENTENCE = f"autoglm-lite: {FOREIGN_BUILD}"
MACROS = {
    "__SSE3__": "pni",
    "__SSSE3__": "ssse3",
    "__SSE4_1__": "sse4_1",
    "__SSE4_2__": "sse4_2",
    "__POPCNT__": "popcnt",
    "__AES__": "aes",
    "__AVX__": "avx",
    "__F16C__": "f16c",
    "__FMA__": "fma",
    "__BMI__": "bmi1",
    "__BMI2__": "bmi2",
    "__AVX2__": "avx2",
    "__LZCNT__": "abm",
    "__MOVBE__": "movbe",
    "__AVX512F__": "avx512f",
}
"""What GCC defines for an instruction set that it may use, and /proc/cpuinfo's word for it."""
MAIN = """
import sys
from autoglm_lite.cli import main
code = main()
print(sorted({line.split("/")[-1].strip() for line in open("/proc/self/maps") if "/lib" in line and "ggml" in line}))
sys.exit(code)
"""


@dataclass(frozen=True)
class Workshop:
    builds: dict[str, Path]
    """Packages by the processor they are for."""
    pythons: dict[str, Path]
    answer: str
    """Of this machine."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("old")
    source = fetch_source(folder)
    builds = {one.name: build(one, source, folder / f"for-{one.name}") for one in PROCESSORS}
    libraries = installed_libraries()
    assert libraries is not None
    builds[THIS_MACHINE] = libraries.parents[1]
    pythons = {one.name: python_on(one, folder / f"on-{one.name}") for one in (*PROCESSORS, CONROE)}
    answered = chat(sys.executable, builds[THIS_MACHINE], AUTOGLM_LITE_HOME=str(folder / "home"))
    assert (answered.returncode, len(answered.stdout.split()) > 6) == (0, True), answered.stderr
    yield Workshop(builds, pythons, answered.stdout)
    # Half a gigabyte, which pytest would keep for three more runs.
    shutil.rmtree(folder)


def run(
    python: Path | str, packages: Path, *arguments: str, code: str = MAIN, **env: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": f"{packages}:{ROOT}", **env}
    done = subprocess.run([str(python), "-c", code, *arguments], env=env, capture_output=True, text=True)
    # QEMU lacks a timer and the like of these processors.
    lines = done.stderr.splitlines()
    done.stderr = "\n".join(line for line in lines if not line.startswith("qemu-x86_64: warning: TCG"))
    return done


def chat(python: Path | str, packages: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return run(python, packages, "chat", "-p", QUESTION, "--temperature", "0", "--max-tokens", "12", **env)


def newer(made_for: str, processor: OldProcessor) -> bool:
    names = [one.name for one in PROCESSORS]
    if made_for in names:
        return names.index(made_for) > names.index(processor.name)
    return not HERE.words & set(FEATURES.values()) <= processor.words


@pytest.mark.parametrize("processor", [CONROE, *PROCESSORS], ids=lambda one: one.name)
def test_the_emulated_processor_is_what_its_cpuinfo_says(processor: OldProcessor, tmp_path: Path) -> None:
    command = [str(compiler(tmp_path, "gcc", processor)), "-march=native", "-E", "-dM", "-x", "c", os.devnull]
    defined = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert {word for macro, word in MACROS.items() if macro in defined} == processor.words & set(MACROS.values())


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
@pytest.mark.parametrize("made_for", [*(one.name for one in PROCESSORS), THIS_MACHINE])
def test_a_build_answers_or_is_refused(made_for: str, processor: OldProcessor, workshop: Workshop, home: Path) -> None:
    done = chat(workshop.pythons[processor.name], workshop.builds[made_for])
    if newer(made_for, processor):
        assert (done.returncode, done.stdout) == (1, "[]\n")
        assert done.stderr.splitlines()[-1] == SENTENCE
        # No child was started, which would have opened its log.
        assert list(home.glob("state/**/*.log")) == []
    else:
        assert (done.returncode, done.stdout) == (0, workshop.answer), done.stderr
        assert list(home.glob("state/**/*.log")) != []


def test_without_the_check_it_would_be_an_illegal_instruction(workshop: Workshop, home: Path, tmp_path: Path) -> None:
    """A Sandy Bridge that says that it is a Haswell: the check lets a Haswell's build through."""
    python = python_on(SANDY_BRIDGE, tmp_path / "liar", says=HASWELL)
    packages = workshop.builds[HASWELL.name]
    code = "from autoglm_lite.native.bindings import bindings; bindings()"
    assert run(python, packages, code=code).returncode == -signal.SIGILL
    # The program outlives it, and says the same afterwards.
    done = chat(python, packages)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == SENTENCE
    assert len(list(home.glob("state/**/*.log"))) == 1


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
def test_a_conversion_is_the_same_or_is_refused(processor: OldProcessor, workshop: Workshop, tmp_path: Path) -> None:
    python, here, there = workshop.pythons[processor.name], tmp_path / "here.gguf", tmp_path / "there.gguf"

    def convert(python: Path | str, made_for: str, out: Path) -> subprocess.CompletedProcess[str]:
        wish = ("--type", "Q4_K_M", "--tensor-type", ".*=Q8_0")
        return run(python, workshop.builds[made_for], "convert", str(STORIES), "-o", str(out), *wish)

    done = convert(python, processor.name, there)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "['libggml-base.so']"
    assert convert(sys.executable, THIS_MACHINE, here).returncode == 0
    assert there.read_bytes() == here.read_bytes()
    there.unlink()
    if newer(THIS_MACHINE, processor):
        done = convert(python, THIS_MACHINE, there)
        assert (done.returncode, done.stdout, done.stderr) == (1, "[]\n", SENTENCE)
        assert not there.exists()


def test_a_processor_from_before_2008_gets_sentences(workshop: Workshop, tmp_path: Path, stories_gguf: Path) -> None:
    """A Nehalem's build is not known to use SSE4.1 until it does; NumPy, after Python 3.10's, would crash too."""
    python, packages = workshop.pythons[CONROE.name], workshop.builds[NEHALEM.name]
    done = chat(python, packages)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, SENTENCE)
    assert run(python, packages, "plan", str(stories_gguf)).returncode == 0
    done = run(python, packages, "convert", str(STORIES), "-o", str(tmp_path / "out.gguf"), "--type", "F16")
    if sys.version_info >= (3, 11):
        assert (done.returncode, done.stderr) == (1, f"autoglm-lite: {NO_NUMPY}")
        assert run(python, packages, code="import numpy").returncode != 0
    else:
        assert done.returncode == 0
