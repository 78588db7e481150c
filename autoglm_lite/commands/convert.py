"""`autoglm-lite convert`: a Hugging Face checkpoint, or a GGUF file, becomes a GGUF file of the wanted type."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.commands.fit import fitted_table, runs_here
from autoglm_lite.commands.measuring import print_anything, termination_as_interrupt
from autoglm_lite.commands.options import size as size_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from autoglm_lite.store.reference import HubReference
    from converters.conversion import Conversion, Resources
    from converters.files import Files
    from converters.fit import Fitted
    from converters.wishes import Wishes

DEFAULT_TYPE = "Q4_K_M"
DEFAULT_MMPROJ_TYPE = "F16"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    from converters.types import ALIASES, FILE_TYPES

    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="folder with config.json and safetensors files, a GGUF file, a repository (hf:org/repo, ms:org/repo, or"
        " its page's address), or a name such as glm-edge-1.5b",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT.gguf", type=Path, help="file to write (default: SOURCE-TYPE.gguf, here)"
    )
    parser.add_argument(
        "--type",
        metavar="TYPE",
        type=str.upper,
        choices=(*FILE_TYPES, *ALIASES),
        help=f"number format of the weights: {', '.join(FILE_TYPES)} "
        f"(default: {DEFAULT_TYPE}; {DEFAULT_MMPROJ_TYPE} with --mmproj)",
    )
    parser.add_argument(
        "--fit",
        metavar="SIZE",
        nargs="?",
        type=size_option,
        const=0,
        help="choose each tensor's type so that the file has this size, such as 1.2GB, at the least loss "
        "(no SIZE: what runs on this machine)",
    )
    parser.add_argument("--imatrix", metavar="F", type=Path, help="importance matrix (see autoglm-lite imatrix)")
    parser.add_argument(
        "--mmproj", action="store_true", help="convert the vision part of the model, to a file of its own"
    )
    parser.add_argument(
        "--drop-layers", metavar="N|LIST", help="leave out the N layers that change least, or those of a list: 20,21"
    )
    exact = parser.add_argument_group("types of single tensors, by their names in the GGUF file")
    exact.add_argument(
        "--tensor-type",
        metavar="REGEX=TYPE",
        action="append",
        default=[],
        help="type of the tensors that the expression finds; may be given several times",
    )
    exact.add_argument("--output-type", metavar="TYPE", help="type of output.weight")
    exact.add_argument("--embedding-type", metavar="TYPE", help="type of the token embeddings")
    exact.add_argument("--pure", action="store_true", help="one type for all: no better ones for sensitive tensors")
    exact.add_argument("--requantize", action="store_true", help="allow a source that is quantised already")
    work = parser.add_argument_group("the work")
    work.add_argument("--threads", metavar="N", type=int, help="threads that encode (default: all cores)")
    work.add_argument("--memory", metavar="SIZE", type=size_option, help="memory to stay below, such as 300MB")
    work.add_argument(
        "--resume", action="store_true", help="go on with an interrupted conversion, and keep it when interrupted"
    )
    work.add_argument("--dry-run", action="store_true", help="list the tensors of the result, write nothing")
    work.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Converts; returns 0. Raises ConversionError, UsageError, or KeyboardInterrupt when asked to stop."""
    from autoglm_lite.commands.converted import publishing
    from autoglm_lite.errors import UsageError
    from autoglm_lite.hardware.arrays import refuse_without_numpy
    from converters.conversion import Resources, write_conversion
    from converters.progress import Progress

    if args.threads is not None and not 1 <= args.threads <= 1024:
        raise UsageError(f"--threads {args.threads} is not a number from 1 to 1024.")
    if args.mmproj and args.drop_layers:
        raise UsageError("--drop-layers is for the language model; convert the vision part without it.")
    refuse_without_numpy()
    print_anything()
    n_threads = args.threads or _cores()
    if (reference := _repository(args)) is not None:
        from autoglm_lite.commands.streaming import convert_streamed

        return convert_streamed(args, reference, n_threads)
    resources = Resources(n_threads, args.memory)
    began = time.monotonic()
    progress = Progress(sys.stderr)
    with termination_as_interrupt():
        try:
            conversion, choice = plan(args, Path(args.source), resources)
            for notice in conversion.draft.notices:
                print(f"autoglm-lite: {notice}", file=sys.stderr)
            out = output(args, conversion)
            if args.dry_run:
                print(json.dumps(describe(conversion, out), ensure_ascii=False) if args.json else table(conversion))
                return 0
            if choice:
                print(fitted_table(choice), file=sys.stderr)
            began_writing = time.monotonic()
            named = Path.replace if args.mmproj else publishing(str(Path(args.source).absolute()))
            write_conversion(conversion, out, resources, progress, args.resume, named)
        except KeyboardInterrupt:
            if args.resume:
                progress.close()
                print("autoglm-lite: stopped; the same command goes on from here.", file=sys.stderr)
            raise
        finally:
            progress.close()
    ended = time.monotonic()
    seconds = ended - began
    if args.json:
        print(json.dumps({**describe(conversion, out), "seconds": round(seconds, 3)}, ensure_ascii=False))
    else:
        print(summary(conversion, out, seconds, ended - began_writing))
    return 0


def _repository(args: argparse.Namespace) -> HubReference | None:
    """Of a hub, where the source is one; its type is then that of the command. Raises UsageError."""
    from autoglm_lite.errors import UsageError
    from autoglm_lite.store.reference import HubReference, read_reference
    from converters.types import ALIASES, FILE_TYPES

    reference = read_reference(args.source)
    if reference is None and not Path(args.source).exists():
        from autoglm_lite.profiles.models import read_models
        from autoglm_lite.profiles.named import known_model

        # Any other name may be meant as that of a folder.
        with suppress(UsageError):
            model, kind = known_model(args.source, read_models())
            reference = read_reference(model.reference if kind is None else f"{model.reference}:{kind}")
    if not isinstance(reference, HubReference):
        return None
    whole = f"{reference.hub}:{reference.repo}"
    if reference.file is not None:
        raise UsageError(f"{reference} is a file, and a whole checkpoint is converted: give its repository, {whole}.")
    if reference.type is not None:
        if args.type is not None or args.fit is not None:
            raise UsageError(f"The type is given twice: take {whole}, or leave out --{'type' if args.type else 'fit'}.")
        if reference.type not in (*FILE_TYPES, *ALIASES):
            raise UsageError(f"{reference.type} is no type to convert to: see autoglm-lite convert --help.")
        args.type = reference.type
    return HubReference(reference.hub, reference.repo)


def plan(
    args: argparse.Namespace, source: Path, resources: Resources, files: Callable[[], Files] | None = None
) -> tuple[Conversion, Fitted | None]:
    """What converting `source` will write, and what --fit chose. `files` reads the checkpoint's data where that is not
    in its files. Raises ConversionError, UsageError."""
    from autoglm_lite.errors import UsageError
    from converters.conversion import draft_of, plan_conversion, printable_errors
    from converters.files import Files
    from converters.fitting import plan_fit
    from converters.progress import Progress
    from converters.writer import check_target

    if args.fit is not None and (args.type or args.pure or args.mmproj):
        other = "--type" if args.type else "--pure" if args.pure else "--mmproj"
        raise UsageError(f"--fit chooses the types itself, so it cannot be combined with {other}.")
    wishes = _wishes(args)
    if wishes.tensor_types and not wishes.file_type.quantised:
        raise UsageError(f"--tensor-type is for files of a quantised type, and {wishes.file_type.name} is none.")
    draft = draft_of(source, wishes)
    if args.output and not args.dry_run:
        # Known before anything is measured, which can take long.
        with printable_errors():
            check_target(args.output, 0)
    if (count := count_to_drop(args)) is not None:
        from autoglm_lite.commands.layers import least_changing

        near = args.output or Path("out.gguf")
        wishes = replace(wishes, drop_layers=least_changing(draft, count, resources, near))
    if args.fit is None:
        return plan_conversion(draft, wishes), None
    print("autoglm-lite: measuring what each type would cost each tensor", file=sys.stderr)
    counting = Progress(sys.stderr, amount=lambda count: f"{count:.0f} tensors" if count >= 10 else f"{count:.1f}")
    try:
        size = args.fit or runs_here()
        found = plan_fit(draft, wishes, size, resources.n_threads, counting, files or Files)
    finally:
        counting.close()
    return found.conversion, found.choice


def plan_again(args: argparse.Namespace, source: Path, label: str, types: Mapping[str, str]) -> Conversion:
    """What `plan` found with --fit before: a file called `label` with `types`, by tensor. Raises ConversionError."""
    from converters.conversion import draft_of, plan_conversion
    from converters.types import file_type, tensor_type

    wishes = replace(_wishes(args), file_type=file_type(label))
    return plan_conversion(draft_of(source, wishes), wishes, {name: tensor_type(kind) for name, kind in types.items()})


def _wishes(args: argparse.Namespace) -> Wishes:
    from autoglm_lite.errors import ConversionError, ModelFileError
    from autoglm_lite.gguf.importance import read_importance
    from converters.types import file_type, tensor_type
    from converters.wishes import Wishes, tensor_types

    try:
        importance = read_importance(args.imatrix) if args.imatrix else None
    except ModelFileError as error:
        raise ConversionError(str(error)) from error
    return Wishes(
        file_type=file_type(args.type or (DEFAULT_MMPROJ_TYPE if args.mmproj else DEFAULT_TYPE)),
        importance=importance,
        tensor_types=tensor_types(args.tensor_type),
        output_type=tensor_type(args.output_type) if args.output_type else None,
        embedding_type=tensor_type(args.embedding_type) if args.embedding_type else None,
        pure=args.pure,
        requantise=args.requantize,
        drop_layers=_layers(args.drop_layers),
        mmproj=args.mmproj,
    )


def _layers(text: str | None) -> tuple[int, ...]:
    from autoglm_lite.errors import UsageError

    if text is None or _is_count(text):
        return ()
    parts = text.rstrip(",").split(",")
    if not all(part.strip().isdecimal() and len(part) < 6 for part in parts):
        raise UsageError(f"--drop-layers {text} is neither a number of layers nor a list such as 20,21,22.")
    return tuple(sorted({int(part) for part in parts}))


def count_to_drop(args: argparse.Namespace) -> int | None:
    """How many layers to drop, where no list says which."""
    text: str | None = args.drop_layers
    return int(text) if text is not None and _is_count(text) else None


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) < 6


def output(args: argparse.Namespace, conversion: Conversion) -> Path:
    """The file to write."""
    if args.output:
        found: Path = args.output
        return found
    source = conversion.draft.source
    stem = source.name.removesuffix(".gguf") if source.is_file() else source.name
    first = "mmproj-" if args.mmproj else ""
    return Path(f"{first}{stem or 'model'}-{conversion.wishes.file_type.name}.gguf")


def _cores() -> int:
    # The cores this process may use, which in a container are fewer than the machine's.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(conversion: Conversion, out: Path) -> dict[str, object]:
    """The keys of docs/converting.md."""
    draft = conversion.draft
    name = draft.keys.get("general.name")
    return {
        "output": str(out),
        "source": str(draft.source),
        "name": name.content if name else None,
        "architecture": draft.architecture,
        "type": conversion.wishes.file_type.name,
        "parameters": draft.n_params,
        "bytes": conversion.nbytes,
        "tensors": [
            {"name": tensor.name, "type": tensor.type.name, "shape": list(tensor.shape), "bytes": tensor.nbytes}
            for tensor in draft.tensors
        ],
    }


def table(conversion: Conversion) -> str:
    """The tensors of the result."""
    from converters.progress import size

    rows = [
        (tensor.name, tensor.type.name, " x ".join(map(str, tensor.shape)), f"{tensor.nbytes:,}")
        for tensor in conversion.draft.tensors
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = [
        f"{name:{widths[0]}}  {kind:{widths[1]}}  {shape:{widths[2]}}  {nbytes:>{widths[3]}}"
        for name, kind, shape, nbytes in rows
    ]
    total = f"{len(rows)} tensors, {conversion.nbytes:,} bytes ({size(conversion.nbytes)}) with metadata"
    return "\n".join([*lines, total])


def summary(conversion: Conversion, out: Path, seconds: float, writing: float) -> str:
    """The line at the end. Of all `seconds` the file itself took `writing`: --fit measures for long before it."""
    from converters.progress import duration, size

    speed = size(conversion.nbytes / writing)
    return (
        f"{out}: {len(conversion.draft.tensors)} tensors, {conversion.wishes.file_type.name}, "
        f"{size(conversion.nbytes)}, in {duration(seconds)} ({speed}/s)"
    )
