"""A model whose weights were copied gives the pages that they were copied from back, and computes the same."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.gguf import read_facts
from autoglm_lite.hardware import read_machine
from autoglm_lite.native import mapping
from autoglm_lite.native.context import Context
from autoglm_lite.native.mapping import _gaps, release_unused
from autoglm_lite.native.model import Model
from autoglm_lite.native.tensors import Place, tensor_places
from autoglm_lite.planning.memory import repacked_bytes
from tests.conftest import STORIES

PAGE = 4096
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/smaps")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As Q4_0, which processors with AVX2 or dot products repack; its name is one that /proc writes with an escape, and
    it is reached through a link."""
    folder = tmp_path_factory.mktemp("model")
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(STORIES), "--type", "Q4_0", "-o"]
    subprocess.run([*command, str(folder / "stories.gguf")], check=True, capture_output=True)
    named = (folder / "stories.gguf").rename(folder / "my\nmodel of stories.gguf")
    (folder / "link.gguf").symlink_to(named)
    return folder / "link.gguf"


def resident() -> int:
    """Bytes of the file that this process holds."""
    smaps = Path("/proc/self/smaps").read_text()
    found = re.findall(r"model of stories\.gguf\n(?:\w+: .*\n)*?Rss: +(\d+) kB", smaps)
    assert found
    return 1024 * sum(map(int, found))


def first_logits(model: Model) -> list[float]:
    with closing(Context(model, n_ctx=64, n_ubatch=64, threads=1, threads_batch=1, kv_type="f16")) as context:
        context.decode(model.tokenize("Once upon a time", add_special=True, parse_special=False), 0, n_outputs=1)
        return [float(value) for value in context.logits(1)[0]]


@linux
def test_pages_of_repacked_weights_are_given_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "LEAST_BYTES", 1)
    copied = repacked_bytes(read_facts(path), read_machine().features)
    with closing(Model(str(path), load_mode="mmap", repack=True)) as model:
        expected = first_logits(model)
        held = resident()
    with closing(Model(str(path), load_mode="mmap", repack=True)) as model:
        released = release_unused(model, str(path))
        # Tensors are small here, and each keeps the pages that it shares with its neighbours.
        assert copied - 100 * PAGE <= released <= held
        assert (released > 0) == (copied > 0)
        assert resident() == held - released
        assert first_logits(model) == expected
        assert resident() == held - released


@linux
def test_weights_that_stay_keep_their_pages(path: Path) -> None:
    with closing(Model(str(path), load_mode="mmap", repack=False)) as model:
        first_logits(model)
        held = resident()
        assert release_unused(model, str(path)) == 0
        assert resident() == held
        assert release_unused(model, str(path.with_name("other.gguf"))) == 0


@linux
def test_tensors_lie_where_the_file_says(path: Path) -> None:
    facts = read_facts(path)
    with closing(Model(str(path), load_mode="mmap", repack=False)) as model:
        places = tensor_places(model)
    assert places is not None
    sizes = sorted(tensor.n_bytes for tensor in facts.tensors)
    assert sorted({place.end - place.start for place in places}) == sorted(set(sizes))


@given(
    st.lists(st.tuples(st.integers(0, 40 * PAGE), st.integers(1, 5 * PAGE)).map(lambda p: Place(p[0], sum(p)))),
    st.integers(0, 20),
    st.integers(1, 20),
)
def test_gaps_are_all_whole_pages_without_a_tensor(places: list[Place], first: int, n: int) -> None:
    start, end = first * PAGE, (first + n) * PAGE
    free = {page for gap in _gaps(start, end, places) for page in range(gap.start // PAGE, gap.end // PAGE)}
    used = {page for place in places for page in range(place.start // PAGE, -(-place.end // PAGE))}
    assert free == set(range(first, first + n)) - used
