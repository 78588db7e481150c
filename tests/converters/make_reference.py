"""Runs llama.cpp's own converter on every test checkpoint and keeps what it wrote, in small.

    python tests/converters/make_reference.py LLAMA_CPP_SOURCE [CHECKPOINT...]

LLAMA_CPP_SOURCE is the `vendor/llama.cpp` of llama-cpp-python's source distribution. Needs, in an environment of
its own, what that folder's requirements/requirements-convert_hf_to_gguf.txt asks for, and safetensors.

Its tokenizer check is replaced: it knows vocabularies by a hash of what they make of one text, so it refuses the
small ones made here. Everything else runs as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checkpoints import CASES, STORIES, make
from gguf_summary import describe

REFERENCE = Path(__file__).parent / "reference.json"
TYPES = ("F32", "F16", "BF16")

RUN = """
import os, runpy, sys
folder = sys.argv.pop(1)
sys.path.insert(0, folder)
sys.path.insert(1, folder + "/gguf-py")
from conversion.base import TextModel
if os.environ["PRE_TOKENIZER"]:
    TextModel.get_vocab_base_pre = lambda self, tokenizer: os.environ["PRE_TOKENIZER"]
sys.argv[0] = folder + "/convert_hf_to_gguf.py"
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def main(llama_cpp: str, *wanted: str) -> None:
    """Writes reference.json; with names of checkpoints, only those parts of it are made again."""
    found = json.loads(REFERENCE.read_text("utf-8")) if wanted else {}
    with tempfile.TemporaryDirectory() as scratch:
        sources = [(STORIES, "")] + [(make(name, Path(scratch)), pre) for name, (_, pre) in CASES.items()]
        for source, pre_tokenizer in [pair for pair in sources if not wanted or pair[0].name in wanted]:
            for kind in TYPES:
                out = Path(scratch, "out.gguf")
                command = [sys.executable, "-c", RUN, llama_cpp, str(source), "--outtype", kind.lower()]
                environment = {**os.environ, "PRE_TOKENIZER": pre_tokenizer}
                subprocess.run([*command, "--outfile", str(out)], check=True, env=environment)
                found[f"{source.name}/{kind}"] = describe(out)
    lines = []
    for case, held in found.items():
        parts = [f'"sha256": {json.dumps(held["sha256"])}']
        for part in ("keys", "tensors"):
            rows = ",\n   ".join(json.dumps(row, ensure_ascii=False) for row in held[part])
            parts.append(f'"{part}": [\n   {rows}\n  ]')
        lines.append(f"{json.dumps(case)}: {{\n  {(',' + chr(10) + '  ').join(parts)}\n }}")
    REFERENCE.write_text("{\n " + ",\n ".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
