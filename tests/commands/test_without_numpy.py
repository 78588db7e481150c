"""A Core 2, on which importing NumPy ends the process; tests/install/test_old_processors.py has a real NumPy do it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.hardware.arrays import NO_NUMPY, runs_numpy
from autoglm_lite.hardware.processor import read_processor
from tests.conftest import STORIES
from tests.hardware.trees import write

RUN = """
import os, sys
from pathlib import Path
from autoglm_lite.hardware import arrays
here, recorded = arrays.read_processor, Path(sys.argv.pop(1))
arrays.read_processor = lambda root: here(recorded)
from autoglm_lite.commands import bandwidth
bandwidth.read_processor = arrays.read_processor
from autoglm_lite.cli import main
sys.exit(main())
"""
CORE_2 = "flags\t\t: fpu sse sse2 pni ssse3 cx16 lahf_lm"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="NumPy 2.2 runs on any x86-64")
@pytest.mark.parametrize(
    ("flags", "runs"),
    [
        (CORE_2, False),
        (f"{CORE_2} sse4_1", False),
        (f"{CORE_2} sse4_1 sse4_2 popcnt", True),
        ("Features\t: fp asimd", True),
        ("processor\t: 0", True),
    ],
)
def test_what_numpy_needs(flags: str, runs: bool, tmp_path: Path) -> None:
    write(tmp_path, "proc/cpuinfo", flags)
    assert runs_numpy(read_processor(tmp_path)) is runs


@pytest.mark.skipif(sys.version_info < (3, 11), reason="NumPy 2.2 runs on any x86-64")
def test_what_needs_it_says_so_and_a_plan_does_without(stories_gguf: Path, tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("import os\nos.abort()")
    write(tmp_path, "proc/cpuinfo", CORE_2)
    text = tmp_path / "text"
    text.write_text("Once upon a time. " * 500)

    def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
        command = [sys.executable, "-c", path + RUN, str(tmp_path), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    for arguments in (
        ("convert", STORIES, "-o", tmp_path / "out.gguf"),
        ("imatrix", stories_gguf, text, "-o", tmp_path / "out.gguf"),
        ("perplexity", stories_gguf, text),
    ):
        done = run(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"autoglm-lite: {NO_NUMPY}\n")
    done = run("plan", stories_gguf)
    assert (done.returncode, done.stderr) == (0, "")
