"""Converts every test checkpoint with llama.cpp's own two tools and keeps what they wrote, in small.

    python tests/converters/oracle.py LLAMA_CPP_PYTHON [--tools FOLDER] [NAME...]

LLAMA_CPP_PYTHON is the unpacked source distribution of llama-cpp-python. Run it where that one's converter runs
(vendor/llama.cpp/requirements/requirements-convert_hf_to_gguf.txt). llama-quantize is built from the same sources with
cmake, unless --tools names a folder that has it. The result is oracle.json; with names, only their part is made again.

Two things of the converter are stood in for. It knows a tokenizer by a hash of what it makes of one text, so it refuses
small vocabularies: it is told the name that it gives to the real model's. And it cannot read GLM-4-9B's own tokenizer
file, nor do without vocab_size, so it gets the same vocabulary in the form of glm-4-9b-chat-hf, and its size.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cases import ALL, CONVERTED, Case, cases, condense, whole_checkpoint, write_importance
from checkpoints import CASES
from weights import CHECKPOINTS

ORACLE = Path(__file__).parent / "oracle.json"

PRE_TOKENIZERS = {
    **{name: pre_tokenizer for name, (_, pre_tokenizer) in CASES.items()},
    **dict.fromkeys(("glm-4-9b-chat-hf", "GLM-4-9B-0414", "AutoGLM-Phone-9B"), "glm4"),
    **dict.fromkeys(("GLM-4.5", "GLM-4.5-Air", "GLM-4.7-Flash"), "glm4"),
    **dict.fromkeys(("glm-4-9b-chat", "glm-edge-1.5b-chat", "glm-edge-4b-chat"), "chatglm-bpe"),
    "Llama-3.2-1B-Instruct": "llama-bpe",
    "SmolLM2-135M-Instruct": "smollm",
    "SmolLM3-3B": "smaug-bpe",
    "granite-3.3-2b-instruct": "refact",
    "Mistral-Nemo-Instruct-2407": "tekken",
    "OLMo-2-0425-1B-Instruct": "dbrx",
    "Phi-4-mini-instruct": "gpt-4o",
}
"""What the converter calls the real models' pre-tokenizers; qwen2 where nothing else is said."""

OTHER_TOKENIZERS = {"glm-4-9b-chat": "glm-4-9b-chat-hf"}

OPTIONS = {"--output-type": "--output-tensor-type", "--embedding-type": "--token-embedding-type"}
OPTIONS |= {"--drop-layers": "--prune-layers"}
"""Ours to llama-quantize's."""

RUN = """
import json, os, runpy, sys
folder, jobs = sys.argv[1], json.loads(sys.argv[2])
sys.path.insert(0, folder)
sys.path.insert(1, folder + "/gguf-py")
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda self, tokenizer: os.environ["PRE_TOKENIZER"]
for job in jobs:
    sys.argv = [folder + "/convert_hf_to_gguf.py", *job]
    runpy.run_path(sys.argv[0], run_name="__main__")
"""


def build(llama_cpp: Path, target: Path) -> Path:
    """Builds llama-quantize; returns its folder."""
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DLLAMA_BUILD_TESTS=OFF", "-DLLAMA_BUILD_EXAMPLES=OFF"]
    options += ["-DLLAMA_BUILD_SERVER=OFF", "-DLLAMA_CURL=OFF", "-DLLAMA_OPENSSL=OFF"]
    subprocess.run(["cmake", "-S", llama_cpp, "-B", target, *options], check=True)
    subprocess.run(["cmake", "--build", target, "--target", "llama-quantize", "--parallel", "2"], check=True)
    return target / "bin"


def convert(llama_cpp: Path, folder: Path, jobs: Sequence[Sequence[str]]) -> None:
    """Runs convert_hf_to_gguf.py on `folder` with each of these arguments."""
    name = folder.name
    if name in OTHER_TOKENIZERS:
        other = CHECKPOINTS / OTHER_TOKENIZERS[name]
        shutil.copyfile(other / "tokenizer.json", folder / "tokenizer.json")
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
        del config["auto_map"]
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
        (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
        (folder / "tokenizer.model").unlink()
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, "vocab_size": config["padded_vocab_size"]}), "utf-8")
    environment = {**os.environ, "PRE_TOKENIZER": PRE_TOKENIZERS.get(name, "qwen2"), "HF_HUB_OFFLINE": "1"}
    whole = [[str(folder), *job] for job in jobs]
    command = [sys.executable, "-c", RUN, str(llama_cpp), json.dumps(whole)]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def quantize(tools: Path, source: Path, target: Path, case: Case, importance: Path) -> bool:
    """Runs llama-quantize; says whether it wrote a file, for without an importance matrix it refuses some types."""
    options = [OPTIONS.get(option, option) for option in case.options]
    options += ["--imatrix", importance.name] if case.importance else []
    command = [str(tools / "llama-quantize"), *options, str(source), str(target), case.kind, "1"]
    # Where the matrix lies, because its path becomes part of the file.
    return subprocess.run(command, cwd=importance.parent, capture_output=True).returncode == 0


def examine(llama_cpp: Path, tools: Path, name: str, scratch: Path) -> dict[str, Any]:
    """The part of oracle.json for the checkpoint `name`."""
    from gguf_summary import describe

    folder = whole_checkpoint(name, scratch)
    wanted = cases(name)
    direct = [case for case in wanted if case.kind in CONVERTED and case.options in ((), ("--mmproj",))]
    files = {case: scratch / f"{place}.gguf" for place, case in enumerate(wanted)}
    jobs = [[*case.options, "--outtype", case.kind.lower(), "--outfile", str(files[case])] for case in direct]
    convert(llama_cpp, folder, jobs)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    is_bf16 = "bfloat16" in (config.get("torch_dtype"), config.get("dtype"))
    source = files[Case("BF16" if is_bf16 else "F16")]
    base = condense(describe(files[Case("F16")]), None)
    write_importance(scratch / "mixed.gguf", [(row[0], row[2]) for row in base["tensors"]])
    found = {"F16": base}
    for case in wanted:
        given = files[Case(case.kind)] if case.kind in CONVERTED else source
        if case not in direct and not quantize(tools, given, files[case], case, scratch / "mixed.gguf"):
            found[case.label] = {"refused": True}
        elif case.label != "F16":
            found[case.label] = condense(describe(files[case]), None if "--mmproj" in case.options else base)
    return found


def write(found: dict[str, Any]) -> None:
    """oracle.json, a line for each file, and for each key and tensor of those that stand for themselves."""
    blocks = []
    for name, held in sorted(found.items()):
        rows = []
        for label, part in held.items():
            text = json.dumps(part, ensure_ascii=False)
            if isinstance(part.get("tensors"), list):
                keys, tensors = (
                    ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in part[key])
                    for key in ("keys", "tensors")
                )
                whole = f'"sha256": "{part["sha256"]}"'
                text = f'{{\n   {whole},\n   "keys": [\n    {keys}\n   ],\n   "tensors": [\n    {tensors}\n   ]\n  }}'
            rows.append(f"  {json.dumps(label)}: {text}")
        blocks.append(f" {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n }")
    ORACLE.write_text("{\n" + ",\n".join(blocks) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Reads the command line and writes oracle.json."""
    parser = argparse.ArgumentParser(description="Converts the test checkpoints with llama.cpp's tools.")
    parser.add_argument("source", type=Path, help="unpacked source distribution of llama-cpp-python")
    parser.add_argument("--tools", type=Path, help="folder with llama-quantize of the same sources")
    parser.add_argument("names", nargs="*", help="checkpoints (default: all)")
    args = parser.parse_intermixed_args()
    llama_cpp = args.source.resolve() / "vendor" / "llama.cpp"
    sys.path.insert(1, str(llama_cpp / "gguf-py"))
    found = json.loads(ORACLE.read_text("utf-8")) if args.names and ORACLE.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        tools = args.tools.resolve() if args.tools else build(llama_cpp, Path(folder, "build"))
        for name in args.names or ALL:
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    found[name] = examine(llama_cpp, tools, name, Path(scratch))
                except subprocess.CalledProcessError as error:
                    sys.exit(f"{name}: {error}\n{error.stderr.decode(errors='replace')[-3000:]}")
            print(name, flush=True)
            write(found)


if __name__ == "__main__":
    main()
