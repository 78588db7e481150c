"""Every family against llama.cpp's own two tools (oracle.py ran them) and against transformers' own logits.

The files must be the same in every key, tensor and byte, and the converted model must compute what the checkpoint does.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cases import ALL, Case, cases, whole_checkpoint
from compare import convert, first_difference, largest_difference
from weights import names

ORACLE: dict[str, Any] = json.loads(Path(__file__).with_name("oracle.json").read_text("utf-8"))

QUICK = ("F16", "Q4_K_M")
"""Cases that are tested everywhere; the others are marked as slow."""


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a whole checkpoint of a name, once."""
    parent = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda name: whole_checkpoint(name, parent))


def _parameters() -> list[Any]:
    found = []
    for name in ALL:
        for case in cases(name):
            marks = () if case.label in QUICK else (pytest.mark.slow,)
            found.append(pytest.param(name, case, id=f"{name}-{case.label}", marks=marks))
    return found


@pytest.mark.parametrize(("name", "case"), _parameters())
def test_file_is_that_of_llama_cpp(name: str, case: Case, folder_of: Any, tmp_path: Path) -> None:
    held = ORACLE[name]
    status = convert(held, case, folder_of(name), tmp_path / "out.gguf")
    if held[case.label].get("refused"):
        assert (status, (tmp_path / "out.gguf").exists()) == (1, False)
    else:
        assert status == 0
        assert first_difference(held, case, tmp_path / "out.gguf") == ""


@pytest.mark.parametrize(("kind", "most"), [("F32", 1e-3), ("F16", 1e-2)])
@pytest.mark.parametrize("name", names())
def test_model_computes_what_the_checkpoint_does(
    name: str, kind: str, most: float, folder_of: Any, tmp_path: Path
) -> None:
    assert convert(ORACLE[name], Case(kind), folder_of(name), tmp_path / "out.gguf") == 0
    assert largest_difference(name, tmp_path / "out.gguf") < most
