"""Memory, speed and a reopened prompt, against llama-cpp-python's own class `Llama`.

    python benchmarks/against_llama_class.py MODEL.gguf [--repeat N]

Theirs runs in a process of the same interpreter, so with the same shared libraries, and with its defaults but for
context and threads. It keeps nothing from one process to the next, so after a restart it reads a prompt again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from autoglm_lite.hardware.machine import read_machine
from benchmarks.in_process import compare

CODE = """
import json, sys
from math import inf
from time import perf_counter
from llama_cpp import Llama
job = json.load(open(sys.argv[1]))
began = perf_counter()
threads = job["threads"]
llama = Llama(job["model"], n_ctx=job["n_ctx"], n_threads=threads, n_threads_batch=threads, verbose=False)
load = perf_counter() - began
bias = {token: -inf for token in job["eos"]}
def ask(prompt, n):
    began = perf_counter()
    options = dict(max_tokens=n, temperature=20.0, top_p=1.0, min_p=0.0, seed=7, logit_bias=bias, stream=True)
    times = [perf_counter() for _ in llama.create_completion(prompt, **options)]
    return times[0] - began, times
ask(job["warm"], 2)
reopened, _ = ask(job["reopened"], 1)
prefill = len(job["read"]) / ask(job["read"], 1)[0]
_, times = ask(job["write"], job["answer"])
# The class may hold a text back, so its tokens are counted and not its texts.
n_written = llama.n_tokens - len(job["write"])
memory = dict(line.split(":", 1) for line in open("/proc/self/status"))
decode = n_written / (times[-1] - times[0])
resident = int(memory["VmRSS"].split()[0]) * 1024
print(json.dumps(dict(load=load, reopened=reopened, prefill=prefill, decode=decode, resident=resident)))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=read_machine().physical_cores)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    compare("`Llama`", CODE, Path(sys.executable), args.model.absolute(), args.threads, args.repeat)


if __name__ == "__main__":
    main()
