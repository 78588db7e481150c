"""Compares what we make of the test checkpoints with oracle.json and with transformers' log-probabilities.

    python tests/converters/compare.py [NAME...]

Prints the table of docs/converting-proof.md, and below it the first difference of every file that differs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from cases import ALL, Case, cases, expand, whole_checkpoint, write_importance
from gguf_summary import describe
from weights import CHECKPOINTS

from autoglm_lite.cli import main

NAMING_A_FILE = ("quantize.imatrix.file",)
"""The only key that is not compared: it holds a path. All others are equal, the name of the model among them."""


def convert(held: Mapping[str, Any], case: Case, folder: Path, out: Path) -> int:
    """Runs `autoglm-lite convert`; returns its exit status. `held` is the checkpoint's part of oracle.json."""
    arguments = ["convert", str(folder), "-o", str(out), "--type", case.kind, "--threads", "1", *case.options]
    if case.importance:
        path = out.parent / "mixed.gguf"
        write_importance(path, [(tensor[0], tensor[2]) for tensor in held["F16"]["tensors"]])
        arguments += ["--imatrix", str(path)]
    return main(arguments)


def first_difference(held: Mapping[str, Any], case: Case, out: Path) -> str:
    """Where the file `out` differs from llama.cpp's: in a key or a tensor, or not at all (the empty string)."""
    alone = case.label == "F16" or "--mmproj" in case.options
    theirs = expand(held[case.label], None if alone else held["F16"])
    ours = json.loads(json.dumps(describe(out)))
    ours["tensors"] = [[*tensor[:3], tensor[3][:16]] for tensor in ours["tensors"]]
    for part in ("keys", "tensors"):
        for one, other in zip(ours[part], theirs[part], strict=False):
            if one != other and not (one[0] == other[0] and one[0] in NAMING_A_FILE):
                return f"{one} where llama.cpp has {other}"
        if len(ours[part]) != len(theirs[part]):
            return f"{len(ours[part])} {part} where llama.cpp has {len(theirs[part])}"
    # A file with the path in it cannot be the same as a whole.
    same = case.importance or ours["sha256"][:16] == theirs["sha256"]
    return "" if same else "the same keys and tensors in another layout"


def largest_difference(name: str, out: Path) -> float:
    """Of any log-probability of the prompt, from what transformers computed."""
    from autoglm_lite.engine.evaluation import evaluate

    tokens = json.loads((CHECKPOINTS / name / "expected.json").read_text("utf-8"))["tokens"]
    theirs = np.load(CHECKPOINTS / name / "expected.npy")
    ours = evaluate(out, tokens)
    return float(np.abs(ours - theirs).max()) if ours.shape == theirs.shape else float("inf")


def _check(name: str, held: Mapping[str, Any], folder: Path, scratch: Path) -> tuple[str, list[str]]:
    wanted = cases(name)
    computed, faults = [], []
    for place, case in enumerate(wanted):
        out = scratch / f"{place}.gguf"
        refused = held[case.label].get("refused", False)
        with contextlib.redirect_stdout(io.StringIO()):
            status = convert(held, case, folder, out)
        found = "" if status == int(refused) else f"exit status {status}"
        found = found or (first_difference(held, case, out) if not refused else "")
        faults += [f"- {name} {case.label}: {found}"] if found else []
        if case in (Case("F32"), Case("F16")):
            known = (CHECKPOINTS / name / "expected.npy").exists() and not status
            computed.append(f"{largest_difference(name, out):.6f}" if known else "")
        out.unlink(missing_ok=True)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    row = [config["architectures"][0], name, *computed, f"{len(wanted) - len(faults)} of {len(wanted)}"]
    return f"| {' | '.join(row)} |", faults


def _main() -> None:
    oracle = json.loads(Path(__file__).with_name("oracle.json").read_text("utf-8"))
    print("| class in config.json | shaped like | F32 | F16 | same files |\n|---|---|---|---|---|")
    faults: list[str] = []
    for name in sys.argv[1:] or ALL:
        with tempfile.TemporaryDirectory() as scratch:
            folder = whole_checkpoint(name, Path(scratch))
            row, found = _check(name, oracle[name], folder, Path(scratch))
        print(row, *found, sep="\n", flush=True)
        faults += found
    print(f"\n{len(faults)} files differ.")
    os._exit(bool(faults))


if __name__ == "__main__":
    _main()
