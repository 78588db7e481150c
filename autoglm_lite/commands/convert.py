"""`autoglm-lite convert`: a Hugging Face checkpoint becomes a GGUF file."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from converters.conversion import Conversion

TYPES = ("F32", "F16", "BF16", "Q8_0")
DEFAULT_TYPE = "Q8_0"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument("source", metavar="SOURCE", type=Path, help="folder with config.json and safetensors files")
    parser.add_argument(
        "-o", "--output", metavar="OUT.gguf", type=Path, help="file to write (default: FOLDER-TYPE.gguf, here)"
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        type=str.upper,
        choices=TYPES,
        default=DEFAULT_TYPE,
        help=f"number format of the weights: {', '.join(TYPES)} (default: {DEFAULT_TYPE})",
    )
    parser.add_argument("--threads", metavar="N", type=int, help="threads that encode (default: all cores)")
    parser.add_argument("--dry-run", action="store_true", help="list the tensors of the result, write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Converts; returns 0. Raises ConversionError, UsageError, or KeyboardInterrupt when asked to stop."""
    from autoglm_lite.errors import UsageError
    from converters.conversion import plan_conversion, write_conversion
    from converters.progress import Progress
    from converters.types import file_type

    if args.threads is not None and not 1 <= args.threads <= 1024:
        raise UsageError(f"--threads {args.threads} is not a number from 1 to 1024.")
    began = time.monotonic()
    conversion = plan_conversion(args.source, file_type(args.type))
    for notice in conversion.notices:
        print(f"autoglm-lite: {notice}", file=sys.stderr)
    out: Path = args.output or Path(f"{conversion.source.name or 'model'}-{conversion.kind.name}.gguf")
    if args.dry_run:
        print(json.dumps(_describe(conversion, out), ensure_ascii=False) if args.json else _table(conversion))
        return 0
    progress = Progress(sys.stderr)
    try:
        with _termination_as_interrupt():
            write_conversion(conversion, out, args.threads or _cores(), progress)
    finally:
        progress.close()
    seconds = time.monotonic() - began
    if args.json:
        print(json.dumps({**_describe(conversion, out), "seconds": round(seconds, 3)}, ensure_ascii=False))
    else:
        print(_summary(conversion, out, seconds))
    return 0


def _cores() -> int:
    # The cores this process may use, which in a container are fewer than the machine's.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP end the work as Ctrl-C does, so that the unfinished file is removed."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    kept = {name: signal.signal(name, stop) for name in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for name, handler in kept.items():
            signal.signal(name, handler)


def _describe(conversion: Conversion, out: Path) -> dict[str, object]:
    name = conversion.keys.get("general.name")
    return {
        "output": str(out),
        "source": str(conversion.source),
        "name": name.content if name else None,
        "architecture": conversion.architecture,
        "type": conversion.kind.name,
        "parameters": conversion.n_params,
        "bytes": conversion.nbytes,
        "tensors": [
            {"name": tensor.name, "type": tensor.type.name, "shape": list(tensor.shape), "bytes": tensor.nbytes}
            for tensor in conversion.tensors
        ],
    }


def _table(conversion: Conversion) -> str:
    from converters.progress import size

    rows = [
        (tensor.name, tensor.type.name, " x ".join(map(str, tensor.shape)), f"{tensor.nbytes:,}")
        for tensor in conversion.tensors
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{name:{widths[0]}}  {kind:{widths[1]}}  {shape:{widths[2]}}  {nbytes:>{widths[3]}}"
        for name, kind, shape, nbytes in rows
    ]
    total = f"{len(rows)} tensors, {conversion.nbytes:,} bytes ({size(conversion.nbytes)}) with metadata"
    return "\n".join([*lines, total])


def _summary(conversion: Conversion, out: Path, seconds: float) -> str:
    from converters.progress import duration, size

    speed = size(conversion.nbytes / seconds)
    return (
        f"{out}: {len(conversion.tensors)} tensors, {conversion.kind.name}, {size(conversion.nbytes)}, "
        f"in {duration(seconds)} ({speed}/s)"
    )
