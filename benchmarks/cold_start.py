"""How long a model takes from a cold page cache to its first token, against llama.cpp's own ways of loading.

    sudo python benchmarks/cold_start.py MODEL.gguf [--disk 60MB] [--memory 1.3GB] [--repeat 3] [--warm]

Linux with control groups of version 1, as root: the page cache is dropped before each load, and each runs in groups of
its own, in which the disk of MODEL gives no more than so many bytes a second and memory ends at so many. *ours* is what
the worker does; *mmap* llama.cpp's mapping with repacking, what it copied given back at the end; *none* and *direct_io*
its other load modes. Seconds are until the first token after a prompt of a few words with a context of 4,096; `read` is
what the disk gave, `held` the most memory of the group, file cache included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from autoglm_lite.sizes import parse_size

GROUPS = Path("/sys/fs/cgroup")
NAME = "autoglm-lite-cold-start"
WAYS = ("ours", "mmap", "none", "direct_io")


def load(way: str, path: str) -> None:
    """In a process of its own: loads, computes one token, and prints its figures."""
    from autoglm_lite.engine.loading import open_context, open_model
    from autoglm_lite.hardware import read_machine
    from autoglm_lite.hardware.process import process_memory
    from autoglm_lite.native.mapping import release_unused
    from autoglm_lite.native.model import Model
    from autoglm_lite.planning.plan import Plan

    cores = read_machine().physical_cores
    plan = Plan(path, 4096, cores, cores, n_ubatch=256)
    began, first = time.perf_counter(), 0.0
    first_sign: list[float] = []

    def progress(share: float) -> None:
        if share > 0 and not first_sign:
            first_sign.append(time.perf_counter() - began)

    if way == "ours":
        model = open_model(plan, progress)
    else:
        model = Model(path, load_mode=way, repack=True, on_progress=progress)
        release_unused(model, path)
    loaded = time.perf_counter() - began
    context = open_context(model, plan)
    context.decode(model.tokenize("Once upon a time", add_special=True, parse_special=False), 0, n_outputs=1)
    context.wait()
    first = time.perf_counter() - began
    resident, anonymous = process_memory(os.getpid())
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    print(
        json.dumps(
            {
                "sign": first_sign[0],
                "loaded": loaded,
                "token": first,
                "read": int(counts["read_bytes"]) / 1e6,
                "resident": resident / 1e6,
                "anonymous": anonymous / 1e6,
            }
        )
    )


class Groups:
    """A memory and a disk limit; None is none."""

    def __init__(self, path: Path, memory: int | None, disk: int | None) -> None:
        number = path.stat().st_dev
        self._memory, self._disk = (GROUPS / kind / NAME for kind in ("memory", "blkio"))
        for folder in (self._memory, self._disk):
            folder.mkdir(exist_ok=True)
        (self._memory / "memory.limit_in_bytes").write_text(str(memory or -1))
        device = f"{os.major(number)}:{os.minor(number)}"
        (self._disk / "blkio.throttle.read_bps_device").write_text(f"{device} {disk or 0}")

    def enter(self) -> None:
        for folder in (self._memory, self._disk):
            (folder / "cgroup.procs").write_text("0")

    def begin(self) -> None:
        (self._memory / "memory.max_usage_in_bytes").write_text("0")

    def most(self) -> float:
        return int((self._memory / "memory.max_usage_in_bytes").read_text()) / 1e6

    def close(self) -> None:
        for folder in (self._memory, self._disk):
            folder.rmdir()


def one_load(way: str, path: Path, groups: Groups, prepare: Callable[[], None]) -> dict[str, float]:
    prepare()
    groups.begin()
    command = [sys.executable, __file__, str(path), "--load", way]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=groups.enter, check=True
    )
    return {**json.loads(done.stdout), "held": groups.most()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("--disk", type=parse_size, metavar="SIZE", help="bytes a second; default: as fast as it is")
    parser.add_argument("--memory", type=parse_size, metavar="SIZE", help="default: no limit")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--warm", action="store_true", help="with the file in the page cache")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--load", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.load:
        load(args.load, str(args.model))
        return

    def prepare() -> None:
        if args.warm:
            subprocess.run(["cat", str(args.model)], stdout=subprocess.DEVNULL, check=True)
        else:
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")

    groups = Groups(args.model, args.memory, args.disk)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in args.ways}
    try:
        for _ in range(args.repeat):
            for way in args.ways:
                found[way].append(one_load(way, args.model, groups, prepare))
    finally:
        groups.close()
    print("| way | first progress s | loaded s | first token s | read MB | held MB | resident MB | anonymous MB |")
    print("|---|---|---|---|---|---|---|---|")
    for way, rounds in found.items():
        seconds = " | ".join(f"{median(one[key] for one in rounds):.2f}" for key in ("sign", "loaded", "token"))
        sizes = " | ".join(
            f"{median(one[key] for one in rounds):,.0f}" for key in ("read", "held", "resident", "anonymous")
        )
        print(f"| {way} | {seconds} | {sizes} |")


if __name__ == "__main__":
    main()
