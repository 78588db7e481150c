"""`autoglm-lite imatrix`: which columns of its weights a model uses most on a text, for better quantisation."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from autoglm_lite.commands.measuring import (
    add_measuring_options,
    make_plans,
    measure,
    measured_text,
    print_anything,
    termination_as_interrupt,
)
from autoglm_lite.errors import AutoglmError, ModelFileError

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.gguf.importance import InputSums
    from autoglm_lite.worker.client import Worker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_measuring_options(parser)
    parser.add_argument(
        "-o", "--output", metavar="F", type=Path, required=True, help="file to write, in llama-imatrix's GGUF form"
    )


def run(args: argparse.Namespace) -> int:
    """Reads the text and writes the file; returns 0, or 130 when interrupted. Raises AutoglmError."""
    from autoglm_lite.commands.measuring import Progress
    from autoglm_lite.gguf.importance import write_importance
    from autoglm_lite.hardware.arrays import refuse_without_numpy
    from autoglm_lite.worker.measuring import input_sums

    refuse_without_numpy()
    print_anything()
    began = time.monotonic()
    text = measured_text(args.text)
    (plan,) = make_plans([args.model], args.ctx, args.threads)
    out: Path = args.output
    sums: dict[str, InputSums] = {}
    n_chunks = 0

    async def work(worker: Worker) -> int:
        nonlocal n_chunks
        progress = Progress()
        try:
            found, n_chunks = await input_sums(worker, plan, text, lambda read: progress.show(read.done, read.total))
        finally:
            progress.close()
        sums.update(found)
        return 0

    with termination_as_interrupt(), _reserved(out) as file:
        if measure(work):
            raise KeyboardInterrupt
        if not sums:
            raise AutoglmError(
                "This kind of model has no matrices that an importance matrix knows: convert without one."
            )
        with _said_of(out):
            write_importance(file, sums, dataset=str(args.text), n_chunks=n_chunks, chunk_size=plan.n_ctx)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(out)
    seconds = time.monotonic() - began
    if untouched := _unused_experts(sums):
        print(f"autoglm-lite: {untouched}", file=sys.stderr)
    if args.json:
        report = {"output": str(out), "chunks": n_chunks, "tensors": len(sums), "seconds": round(seconds, 3)}
        print(json.dumps(report, ensure_ascii=False))
    else:
        from converters.progress import duration

        print(f"{out}: {len(sums)} tensors, {n_chunks} chunks of {plan.n_ctx} tokens, in {duration(seconds)}")
    return 0


def _unused_experts(sums: Mapping[str, InputSums]) -> str:
    n_all = sum(len(found.counts) for found in sums.values() if len(found.counts) > 1)
    n_unused = sum(int((found.counts == 0).sum()) for found in sums.values())
    if not n_unused:
        return ""
    return f"No token of the text went through {n_unused:,} of {n_all:,} experts' matrices: a longer text would help."


@contextmanager
def _reserved(out: Path) -> Iterator[BinaryIO]:
    """A new file beside `out`, to become it; removed at the end of the block if it has not.

    It is made before the work, so that a folder that cannot be written is known at once. An existing file is replaced
    only if it is an importance matrix or empty. Raises AutoglmError.
    """
    _check_replaceable(out)
    temporary = out.parent / f".autoglm-lite-{secrets.token_hex(6)}.part"
    with _said_of(out):
        file = temporary.open("xb")
    try:
        with file:
            yield file
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def _said_of(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AutoglmError(f"{out} cannot be written ({error.strerror}): give another name with -o.") from error


def _check_replaceable(out: Path) -> None:
    from autoglm_lite.gguf.importance import read_importance

    try:
        if out.is_dir():
            raise AutoglmError(f"{out} is a folder; give the name of the file to write with -o.")
        if out.exists() and out.stat().st_size:
            read_importance(out)
    except ModelFileError as error:
        raise AutoglmError(
            f"{out} exists and is no importance matrix; it is not replaced, give another name with -o."
        ) from error
