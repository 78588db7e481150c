"""Weights that are copied lie in huge pages where the system gives them to who asks."""

from __future__ import annotations

import mmap
import os
import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autoglm_lite.engine.loading import open_model
from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import read_machine
from autoglm_lite.native import mapping
from autoglm_lite.native.mapping import anonymous_mappings, prefer_huge_pages
from autoglm_lite.planning.memory import repacked_bytes
from autoglm_lite.planning.plan import Plan
from benchmarks.make_model import Shape, write_model
from tests.native.test_mapping import linux

ROOT = Path(__file__).parents[2]
pytestmark = [linux, pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="needs huge pages")]


def asked_bytes() -> int:
    """Bytes of this process's memory that huge pages were asked for."""
    smaps = Path("/proc/self/smaps").read_text()
    return 1024 * sum(
        int(size)
        for size, flags in re.findall(r"\nSize: +(\d+) kB(?:\n\w+: .*)*?\nVmFlags:(.*)", smaps)
        if " hg" in flags
    )


def test_only_what_is_new_and_large_is_asked_for() -> None:
    before = asked_bytes()
    old = mmap.mmap(-1, 20 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    known = anonymous_mappings()
    new = mmap.mmap(-1, 24 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    small = mmap.mmap(-1, 1 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with closing(old), closing(new), closing(small):
        # The kernel joins neighbours: the small one may lie beside the new one.
        assert 24 << 20 <= prefer_huge_pages(known) <= 25 << 20
        assert 24 << 20 <= asked_bytes() - before <= 25 << 20
        assert prefer_huge_pages(anonymous_mappings()) == 0


def load(path: str) -> None:
    """Prints the bytes that huge pages are asked for once the model is loaded."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mapping, "LEAST_HUGE_BYTES", 1 << 20)
        before = asked_bytes()
        with closing(open_model(Plan(path, 64, 1, 1, repack=True))):
            print(asked_bytes() - before)


def test_copied_weights_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    write_model(path, Shape(3, 512, 1024, 8, 2, n_vocab=1000, tied=False, n_ctx=512), "random", "Q4_0")
    if not (copied := repacked_bytes(read_facts(path), read_machine().features)):
        pytest.skip("this processor copies nothing")
    # So small a model would be put where others were, in a process that has had some.
    code = "import sys; from tests.native.test_huge_pages import load; load(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert int(done.stdout) >= copied, done.stderr
