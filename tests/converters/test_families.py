"""Every family against llama.cpp's own two tools (oracle.py ran them) and against transformers' own logits.

The files must be the same in every key, tensor and byte, and the converted model must compute what the checkpoint does.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Case, cases, expand, write_importance
from gguf_summary import describe
from weights import CHECKPOINTS, copy_checkpoint, names

from autoglm_lite.cli import main
from autoglm_lite.engine.evaluation import evaluate

ORACLE: dict[str, Any] = json.loads(Path(__file__).with_name("oracle.json").read_text("utf-8"))

QUICK = ("F16", "BF16", "Q4_K_M")
"""Cases without an importance matrix and options that are tested everywhere; the others are marked as slow."""

NAMING_A_FILE = ("quantize.imatrix.file",)
"""The only key that is not compared: it holds a path. All others are equal, the name of the model among them."""


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Makes a whole checkpoint of a name, once."""
    parent = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda name: copy_checkpoint(CHECKPOINTS / name, parent / name))


def _parameters() -> list[Any]:
    found = []
    for name in names():
        for case in cases(name):
            marks = () if case.label in QUICK else (pytest.mark.slow,)
            found.append(pytest.param(name, case, id=f"{name}-{case.label}", marks=marks))
    return found


@pytest.mark.parametrize(("name", "case"), _parameters())
def test_file_is_that_of_llama_cpp(name: str, case: Case, folder_of: Any, tmp_path: Path) -> None:
    held = ORACLE[name]
    if held[case.label].get("refused"):
        assert main(_arguments(name, case, folder_of(name), tmp_path)) == 1
        assert not (tmp_path / "out.gguf").exists()
        return
    assert main(_arguments(name, case, folder_of(name), tmp_path)) == 0
    alone = case.label == "F16" or "--mmproj" in case.options
    theirs = expand(held[case.label], None if alone else expand(held["F16"], None))
    ours = json.loads(json.dumps(describe(tmp_path / "out.gguf")))
    assert [key for key in ours["keys"] if key[0] not in NAMING_A_FILE] == [
        key for key in theirs["keys"] if key[0] not in NAMING_A_FILE
    ]
    assert [key[0] for key in ours["keys"]] == [key[0] for key in theirs["keys"]]
    assert [[*tensor[:3], tensor[3][:16]] for tensor in ours["tensors"]] == theirs["tensors"]


def _arguments(name: str, case: Case, folder: Path, scratch: Path) -> list[str]:
    arguments = ["convert", str(folder), "-o", str(scratch / "out.gguf"), "--type", case.kind, "--threads", "1"]
    if case.importance:
        tensors = expand(ORACLE[name]["F16"], None)["tensors"]
        write_importance(scratch / "mixed.gguf", [(tensor[0], tensor[2]) for tensor in tensors])
        arguments += ["--imatrix", str(scratch / "mixed.gguf")]
    return [*arguments, *case.options]


@pytest.mark.parametrize("name", [name for name in names() if (CHECKPOINTS / name / "expected.npy").exists()])
@pytest.mark.parametrize(("kind", "most"), [("F32", 1e-3), ("F16", 1e-2)])
def test_model_computes_what_the_checkpoint_does(
    name: str, kind: str, most: float, folder_of: Any, tmp_path: Path
) -> None:
    assert main(_arguments(name, Case(kind), folder_of(name), tmp_path)) == 0
    tokens = json.loads((CHECKPOINTS / name / "expected.json").read_text("utf-8"))["tokens"]
    theirs = np.load(CHECKPOINTS / name / "expected.npy")
    ours = evaluate(tmp_path / "out.gguf", tokens)
    assert ours.shape == theirs.shape
    difference = float(np.abs(ours - theirs).max())
    print(f"largest difference of a log-probability: {difference:.6f}")
    assert difference < most
