"""Memory, speed and a reopened prompt, against OpenVINO GenAI, which reads some GGUF files too.

    python -m venv ov && ov/bin/pip install openvino-genai
    python benchmarks/against_openvino.py MODEL.gguf --python ov/bin/python [--repeat N]

Theirs runs on the processor with its defaults but for the threads. It is given token ids, since it cannot read the
vocabulary that make_model.py writes. It keeps nothing from one process to the next.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from autoglm_lite.hardware.machine import read_machine
from benchmarks.in_process import compare

CODE = """
import json, sys
from time import perf_counter
import numpy as np
import openvino as ov
import openvino_genai as genai
job = json.load(open(sys.argv[1]))
began = perf_counter()
pipeline = genai.LLMPipeline(job["model"], "CPU", INFERENCE_NUM_THREADS=job["threads"])
load = perf_counter() - began
def ask(ids, n):
    ids = np.array([ids], dtype=np.int64)
    config = genai.GenerationConfig()
    config.max_new_tokens, config.ignore_eos, config.do_sample = n, True, False
    inputs = genai.TokenizedInputs(ov.Tensor(ids), ov.Tensor(np.ones_like(ids)))
    metrics = pipeline.generate(inputs, config).perf_metrics
    return metrics.get_ttft().mean / 1000, metrics.get_tpot().mean / 1000
ask(job["warm"], 2)
reopened, _ = ask(job["reopened"], 1)
prefill = len(job["read"]) / ask(job["read"], 1)[0]
decode = 1 / ask(job["write"], job["answer"])[1]
memory = dict(line.split(":", 1) for line in open("/proc/self/status"))
resident = int(memory["VmRSS"].split()[0]) * 1024
print(json.dumps(dict(load=load, reopened=reopened, prefill=prefill, decode=decode, resident=resident)))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--python", type=Path, required=True, help="an environment's, that has openvino-genai")
    parser.add_argument("--threads", type=int, default=read_machine().physical_cores)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args()
    compare("OpenVINO GenAI", CODE, args.python.absolute(), args.model.absolute(), args.threads, args.repeat)


if __name__ == "__main__":
    main()
