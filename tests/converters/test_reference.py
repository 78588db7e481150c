"""Our converter against llama.cpp's own, which make_reference.py ran: same keys, same tensors, same bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from checkpoints import CASES, STORIES, make
from gguf_summary import describe

from tests.converters.converting import convert

REFERENCE: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("reference.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    parent = tmp_path_factory.mktemp("checkpoints")
    return {"stories260K": STORIES, **{name: make(name, parent) for name in CASES}}


@pytest.mark.parametrize("kind", ["F32", "F16", "BF16"])
@pytest.mark.parametrize("name", ["stories260K", *CASES])
def test_file_is_that_of_llama_cpp(name: str, kind: str, folders: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.gguf"
    convert(folders[name], out, kind)
    theirs = REFERENCE[f"{name}/{kind}"]
    if hashlib.sha256(out.read_bytes()).hexdigest() != theirs["sha256"]:
        # The same bytes are the same in every part; when they differ, the parts tell where.
        ours = json.loads(json.dumps(describe(out)))
        assert ours["keys"] == theirs["keys"]
        assert ours["tensors"] == theirs["tensors"]
        pytest.fail("the keys and tensors are the same, but the layout of the file differs")
