"""A converted model tells its story: the whole way from safetensors to words, for each type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import STORIES
from converting import convert

OPENING = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. "
    "She wanted to play with it, but it was too high.\nLily's mom said, \"L"
)


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16", "Q8_0"])
def test_story(kind: str, tmp_path: Path) -> None:
    out = convert(STORIES, tmp_path / "stories.gguf", kind)
    command = [sys.executable, "-m", "autoglm_lite", "chat", str(out), "-p", "Once upon a time"]
    done = subprocess.run(
        [*command, "--temperature", "0", "--max-tokens", "70"], check=True, capture_output=True, text=True
    )
    assert OPENING in done.stdout
