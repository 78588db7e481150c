"""What checkpoints of a family vary in, against llama.cpp's own two tools (variants.py ran them)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from converting import convert
from variants import DIGESTS, TYPES, VARIANTS, make

THEIRS: dict[str, dict[str, str]] = json.loads(DIGESTS.read_text("utf-8"))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", VARIANTS)
def test_file_is_that_of_llama_cpp(name: str, kind: str, tmp_path: Path) -> None:
    out = convert(make(VARIANTS[name], tmp_path / name), tmp_path / "out.gguf", kind)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == THEIRS[name][kind]
