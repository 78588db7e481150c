"""A checkpoint to a quantised GGUF, in our one step against llama.cpp's two, on the same threads.

    python benchmarks/against_two_steps.py FOLDER --llama-cpp SOURCES --tools BIN --python PYTHON [--type Q4_K_M]

The two take turns; the table shows medians of seconds and of peak memory, and whether the tensors have the same bytes.
PYTHON is one with PyTorch and transformers, for convert_hf_to_gguf.py; BIN holds llama-quantize, built from the same
SOURCES (tests/converters/oracle.py says how). `--ours-only` measures ours alone, where the disk has no room for two.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

# Small vocabularies are unknown to the converter, which knows tokenizers by a hash: it is told the name.
RUN_CONVERTER = """
import os, runpy, sys
folder = sys.argv.pop(1)
sys.path[:0] = [folder, folder + "/gguf-py"]
from conversion.base import TextModel
TextModel.get_vocab_base_pre = lambda self, tokenizer: os.environ["PRE_TOKENIZER"]
sys.argv[0] = folder + "/convert_hf_to_gguf.py"
runpy.run_path(sys.argv[0], run_name="__main__")
"""

RUN_OURS = "import sys; from autoglm_lite.cli import main; sys.exit(main())"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, and bytes of the largest process."""

    seconds: float
    peak: int
    on_disk: int
    """Bytes of all that was written."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--llama-cpp", type=Path)
    parser.add_argument("--tools", type=Path)
    parser.add_argument("--python")
    parser.add_argument("--pre-tokenizer", default="qwen2")
    parser.add_argument("--type", default="Q4_K_M")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--work", type=Path, help="where the results go meanwhile")
    args = parser.parse_args()
    ours: list[Cost] = []
    theirs: list[Cost] = []
    with tempfile.TemporaryDirectory(dir=args.work) as work:
        mine, other = Path(work) / "ours.gguf", Path(work) / "theirs.gguf"
        for _ in range(args.repeat):
            if not args.ours_only:
                theirs.append(two_steps(args, other))
            ours.append(one_step(args, mine))
            print(f"ours {ours[-1]}, theirs {theirs[-1] if theirs else None}", file=sys.stderr)
        same = None if args.ours_only else tensor_data(mine) == tensor_data(other)
    print(f"{args.folder.name} to {args.type}, {args.threads} threads, {args.repeat} alternating repeats, medians")
    print(f"{'':<22}{'seconds':>9}{'peak MB':>9}{'written MB':>12}")
    for name, costs in (("two steps", theirs), ("ours", ours)):
        if costs:
            seconds, peak = median(cost.seconds for cost in costs), median(cost.peak for cost in costs)
            print(f"{name:<22}{seconds:>9.1f}{peak / 1e6:>9.0f}{costs[0].on_disk / 1e6:>12.0f}")
    if theirs:
        ratio = median(cost.seconds for cost in ours) / median(cost.seconds for cost in theirs)
        print(f"ratio {ratio:.3f}; tensors {'the same bytes' if same else 'DIFFER'}")


def one_step(args: argparse.Namespace, out: Path) -> Cost:
    command = [sys.executable, "-c", RUN_OURS, "convert", args.folder, "-o", out, "--type", args.type]
    return timed([[*map(str, command), "--threads", str(args.threads)]], {}, [out])


def two_steps(args: argparse.Namespace, out: Path) -> Cost:
    between = out.with_name("between.gguf")
    convert = [args.python, "-c", RUN_CONVERTER, args.llama_cpp, args.folder, "--outfile", between, "--outtype", "bf16"]
    quantise = [args.tools / "llama-quantize", between, out, args.type, args.threads]
    environment = {"PRE_TOKENIZER": args.pre_tokenizer, "OMP_NUM_THREADS": str(args.threads)}
    cost = timed([list(map(str, convert)), list(map(str, quantise))], environment, [between, out])
    between.unlink()
    return cost


def timed(commands: Sequence[Sequence[str]], environment: dict[str, str], written: Sequence[Path]) -> Cost:
    """Runs the commands one after the other."""
    peak, began = 0, perf_counter()
    for command in commands:
        with subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            said = process.stderr.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(said.decode("utf-8", "replace")[-2000:])
        peak = max(peak, usage.ru_maxrss * 1024)
    return Cost(perf_counter() - began, peak, sum(path.stat().st_size for path in written))


def tensor_data(path: Path) -> str:
    """A digest of every tensor's name, type, shape and bytes, in order."""
    from gguf import GGUFReader

    found = hashlib.sha256()
    for tensor in GGUFReader(path).tensors:
        found.update(json.dumps([tensor.name, tensor.tensor_type.name, [int(n) for n in tensor.shape]]).encode())
        found.update(tensor.data.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()
