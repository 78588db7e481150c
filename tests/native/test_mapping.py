"""A mapped model gives its pages back and still computes the same."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autoglm_lite.native.context import Context
from autoglm_lite.native.mapping import release
from autoglm_lite.native.model import Model

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc/self/smaps")


@pytest.fixture
def model(stories_gguf: Path, tmp_path: Path) -> Iterator[Model]:
    """Under a name that /proc writes with an escape, reached through a link."""
    named = tmp_path / "my\nmodel of stories.gguf"
    named.write_bytes(stories_gguf.read_bytes())
    link = tmp_path / "link.gguf"
    link.symlink_to(named)
    with closing(Model(str(link), load_mode="mmap", repack=False)) as loaded:
        yield loaded


def resident() -> int:
    """Kilobytes of the file that this process holds."""
    smaps = Path("/proc/self/smaps").read_text()
    found = re.findall(r"model of stories\.gguf\n(?:\w+: .*\n)*?Rss: +(\d+) kB", smaps)
    assert found
    return sum(map(int, found))


def first_logits(model: Model) -> list[float]:
    with closing(Context(model, n_ctx=64, n_ubatch=64, threads=1, threads_batch=1, kv_type="f16")) as context:
        context.decode(model.tokenize("Once upon a time", add_special=True, parse_special=False), 0, n_outputs=1)
        return [float(value) for value in context.logits(1)[0]]


def test_pages_are_given_back_and_read_again(model: Model, tmp_path: Path) -> None:
    before = first_logits(model)
    held = resident()
    assert held > 0
    assert release(str(tmp_path / "link.gguf")) >= held * 1024
    assert resident() == 0
    assert first_logits(model) == before
    assert resident() > 0


def test_what_is_not_mapped_is_left_alone(model: Model, tmp_path: Path) -> None:
    first_logits(model)
    held = resident()
    assert release(str(tmp_path / "other.gguf")) == 0
    assert resident() == held
