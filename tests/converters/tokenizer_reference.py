"""Runs llama.cpp's converter on the tokenizers of tokenizer_cases.py and keeps what it wrote, in small.

    python tests/converters/tokenizer_reference.py LLAMA_CPP_SOURCE

Needs what make_reference.py needs. Only the part that reads the tokenizer runs; the name of the pre-tokenizer is
given, because that converter knows no small vocabulary, and the one tokenizer that is code is stood in for.
"""

from __future__ import annotations

import importlib
import json
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tokenizer_cases

REFERENCE = Path(__file__).parent / "tokenizer_reference.json"


def written(folder: Path, kind: str, pre: str) -> list[list[Any]]:
    """Key, type and value of what llama.cpp's class `kind` writes for the tokenizer in `folder`."""
    gguf, transformers = importlib.import_module("gguf"), importlib.import_module("transformers")
    module, name = kind.split(".")
    known = getattr(importlib.import_module(f"conversion.{module}"), name)
    model = known.__new__(known)
    model.dir_model, model.hparams = folder, json.loads((folder / "config.json").read_text("utf-8"))
    model.is_mistral_format, model.origin_hf_arch, model.hf_arch = False, None, ""
    model.get_vocab_base_pre = lambda tokenizer: pre
    model.gguf_writer = gguf.GGUFWriter(None, "llama")
    if (folder / "qwen.tiktoken").exists():
        # The last case, because nothing takes the stand-in away again.
        ranks = dict(_rank(line) for line in (folder / "qwen.tiktoken").read_bytes().splitlines())
        names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(f"<|extra_{at}|>" for at in range(205))]
        specials = {text: len(ranks) + at for at, text in enumerate(names)}
        stand_in = SimpleNamespace(mergeable_ranks=ranks, special_tokens=specials, get_vocab=lambda: specials)
        transformers.AutoTokenizer.from_pretrained = lambda *args, **options: stand_in
    model.set_vocab()
    found = model.gguf_writer.kv_data[0]
    return [
        [key, value.type.name, tokenizer_cases.shown(value.value)]
        for key, value in found.items()
        if key.startswith("tokenizer.")
    ]


def _rank(line: bytes) -> tuple[bytes, int]:
    import base64

    token, rank = line.split()
    return base64.b64decode(token), int(rank)


def main(llama_cpp: str) -> None:
    """Writes tokenizer_reference.json."""
    sys.path[:0] = [llama_cpp, f"{llama_cpp}/gguf-py"]
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, (_, _, kind, pre) in tokenizer_cases.CASES.items():
            found[name] = written(tokenizer_cases.make(name, Path(scratch)), kind, pre)
    rows = {name: ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in held) for name, held in found.items()}
    text = ",\n ".join(f"{json.dumps(name)}: [\n  {held}\n ]" for name, held in rows.items())
    REFERENCE.write_text("{\n " + text + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
