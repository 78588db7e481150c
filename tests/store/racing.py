"""One of several processes that do things with one model at the same time: `python racing.py SEED ROUNDS CHECKPOINT`.

Prints a line for each thing done: its exit code and what it said.
"""

from __future__ import annotations

import io
import json
import random
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from autoglm_lite.cli import main
from autoglm_lite.store.models import models_dir

NAME = "stories-F16"
CHECKPOINT = "hf:org/stories"
OTHER_NAME = f"org-{NAME}"
"""Under which it comes from the hub while one that was made elsewhere has the name."""
REFERENCE = "hf:org/stories-GGUF"


def actions(checkpoint: str) -> list[list[str]]:
    path = models_dir() / f"{NAME}.gguf"
    return [
        ["pull", "--yes", REFERENCE],
        ["pull", "--yes", REFERENCE],
        ["convert", checkpoint, "-o", str(path), "--type", "F16", "--threads", "1"],
        ["convert", CHECKPOINT, "-o", str(path), "--type", "F16", "--threads", "1"],
        ["models", "list"],
        ["models", "show", NAME],
        ["models", "verify"],
        ["models", "rm", "--yes", NAME],
        ["models", "rm", "--yes", OTHER_NAME],
        ["models", "gc", "--yes"],
        ["models", "import", str(Path(checkpoint).parent / "elsewhere.gguf"), f"--name={NAME}"],
    ]


def race(seed: int, rounds: int, checkpoint: str) -> None:
    chance, out = random.Random(seed), Path(checkpoint).parent / f"{seed}.out"
    models_dir().mkdir(parents=True, exist_ok=True)
    for _ in range(rounds):
        arguments = chance.choice(actions(checkpoint))
        # A real file: where writing fails, the command line has its descriptor lead nowhere.
        with out.open("w") as stdout, redirect_stdout(stdout), redirect_stderr(io.StringIO()) as stderr:
            code = main(arguments)
        print(json.dumps([arguments[:2], code, out.read_text() + stderr.getvalue()]), flush=True)


if __name__ == "__main__":
    race(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
