"""`autoglm-lite convert hf:org/repo`: a checkpoint of a hub, shard by shard, which needs room for one of them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.commands import convert as folders
from autoglm_lite.commands.fit import fitted_table, planned_facts
from autoglm_lite.commands.measuring import termination_as_interrupt
from autoglm_lite.store.download.progress import USUAL

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from autoglm_lite.store.reference import HubReference
    from converters.conversion import Conversion, Resources
    from converters.fit import Fitted
    from converters.streaming.pieces import Order
    from converters.streaming.ranges import Reach
    from converters.streaming.remote import Remote
    from converters.streaming.work import Work

PATIENCE = USUAL
MEMORY = 600_000_000
"""Bytes for a conversion on a computer of many cores, of which each takes some, if none are given."""
BESIDE_BYTES = 50_000_000
"""Of the disk, for the tokenizer's files and headers, beside a shard and the result."""
SAMPLING_THREADS = 8
"""For --fit: each waits for the line more than it computes."""

ASKED = ("fit", "imatrix", "tensor_type", "output_type", "embedding_type", "drop_layers", "requantize")
"""Options that --fit chooses by."""


def convert_streamed(args: argparse.Namespace, reference: HubReference, n_threads: int) -> int:
    """Converts the checkpoint of a repository; returns 0. What is interrupted in any way is gone on with by the same
    command.

    Raises ConversionError, DownloadError, StoreError, UsageError, or KeyboardInterrupt when asked to stop.
    """
    from autoglm_lite.errors import UsageError
    from autoglm_lite.store.hub.access import read_access
    from autoglm_lite.store.hub.client import Client
    from converters.conversion import Resources
    from converters.streaming.ranges import Reach
    from converters.streaming.remote import doubted

    if folders.count_to_drop(args) is not None:
        raise UsageError(
            f"--drop-layers {args.drop_layers} would look at all of the checkpoint first: name the layers, such as "
            "20,21, or convert a folder."
        )
    resources = _resources(n_threads, args.memory, Resources)
    # Refused before anything is fetched.
    _ = resources.slab_values
    reach = Reach(Client(read_access(os.environ), PATIENCE.stall), PATIENCE)
    began = time.monotonic()
    try:
        with termination_as_interrupt(), _work(args, reference) as work, doubted(work):
            return _convert(args, reference, reach, resources, work, began)
    except KeyboardInterrupt:
        if not args.dry_run:
            print("autoglm-lite: stopped; the same command goes on from here.", file=sys.stderr)
        raise


def _resources(n_threads: int, memory: int | None, make: type[Resources]) -> Resources:
    from converters.conversion import BYTES_OF_PROCESS, BYTES_PER_VALUE, LEAST_SLAB

    least = BYTES_OF_PROCESS + LEAST_SLAB * BYTES_PER_VALUE * (n_threads + 2)
    return make(n_threads, max(MEMORY, least) if memory is None else memory)


@contextmanager
def _work(args: argparse.Namespace, reference: HubReference) -> Iterator[Work]:
    """The folder of this command's work, beside its result; of one that writes nothing, anywhere."""
    from converters.streaming.work import work_place, working

    name = reference.repo.rpartition("/")[2]
    with ExitStack() as stack:
        if args.dry_run:
            path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autoglm-lite-"))) / "work"
        else:
            path = work_place(args.output.parent if args.output else Path(), str(reference))
        yield stack.enter_context(working(path, name))


def _convert(
    args: argparse.Namespace,
    reference: HubReference,
    reach: Reach,
    resources: Resources,
    work: Work,
    began: float,
) -> int:
    from converters.progress import size
    from converters.streaming.pieces import order_of

    remote, conversion, choice = _planned(args, reference, reach, resources, work)
    for notice in conversion.draft.notices:
        print(f"autoglm-lite: {notice}", file=sys.stderr)
    out = folders.output(args, conversion)
    order = order_of(conversion.draft.tensors)
    described = {**folders.describe(conversion, out), "source": str(reference)}
    described |= {"revision": remote.repository.revision, "licence": remote.repository.licence}
    described |= {"fetched_bytes": sum(remote.sources[shard].n_bytes or 0 for shard in order.shards)}
    if args.dry_run:
        print(json.dumps(described, ensure_ascii=False) if args.json else folders.table(conversion))
    print("\n".join(outlook(remote, conversion, order, out)), file=sys.stderr)
    if args.dry_run:
        return 0
    if choice:
        print(fitted_table(choice), file=sys.stderr)
    if freed := work.claim(out):
        print(
            f"autoglm-lite: the interrupted work for another result is given up, {size(freed)} are free",
            file=sys.stderr,
        )
    began_writing = time.monotonic()
    _write(conversion, order, out, resources, remote, reach)
    ended = time.monotonic()
    if args.json:
        print(json.dumps({**described, "seconds": round(ended - began, 3)}, ensure_ascii=False))
    else:
        print(folders.summary(conversion, out, ended - began, ended - began_writing))
        if not args.mmproj:
            print(f"autoglm-lite chat {shlex.quote(str(out))}", file=sys.stderr)
    return 0


def _planned(
    args: argparse.Namespace, reference: HubReference, reach: Reach, resources: Resources, work: Work
) -> tuple[Remote, Conversion, Fitted | None]:
    """All that is known before a weight is fetched."""
    from dataclasses import replace

    from autoglm_lite.errors import ConversionError
    from autoglm_lite.store.hub.listing import repository
    from converters.streaming.ranges import FilesAway
    from converters.streaming.remote import prepare

    try:
        remote = prepare(work, reach, lambda: repository(reference, reach.client))
        if args.fit is None:
            return (remote, *folders.plan(args, work.checkpoint, resources))
        # What was chosen before counts, though this machine may have less free memory now.
        asked = [str(vars(args)[name]) for name in ASKED]
        if (types := work.known().get("fit", {})).get("asked") == asked:
            return remote, folders.plan_again(args, work.checkpoint, types["type"], types["types"]), None
        sampling = replace(resources, n_threads=max(resources.n_threads, SAMPLING_THREADS))
        found = folders.plan(args, work.checkpoint, sampling, lambda: FilesAway(remote.sources, reach))
        types = {tensor.name: tensor.type.name for tensor in found[0].draft.tensors}
        work.note(fit={"asked": asked, "type": found[0].wishes.file_type.name, "types": types})
    except ConversionError as error:
        # Nobody knows the folder where the small files are.
        raise type(error)(str(error).replace(str(work.checkpoint.absolute()), str(reference))) from error
    return (remote, *found)


def _write(conversion: Conversion, order: Order, out: Path, resources: Resources, remote: Remote, reach: Reach) -> None:
    from autoglm_lite.commands.converted import publishing
    from converters.streaming.journey import Journey
    from converters.streaming.remote import fetch_apart
    from converters.streaming.shards import RemoteShards
    from converters.streaming.writing import write_streamed

    def unwritten() -> int:
        return conversion.nbytes - journey.written

    shards = RemoteShards(remote, order.shards, reach, unwritten, lambda: journey.waiting())
    fetched = (lambda: shards.fetched, shards.n_bytes)
    journey = Journey(sys.stderr, fetched, conversion.nbytes, lambda: shards.overlaps)
    with closing(journey), closing(shards):
        _refuse_without_room(conversion, out, shards.largest)
        fetch_apart(order.apart, remote, reach, journey.waiting)
        repository = remote.repository
        named = publishing(str(remote.reference), repository.revision, repository.licence)
        write_streamed(conversion, order, out, resources, shards, journey.wrote, named)


def _refuse_without_room(conversion: Conversion, out: Path, shard: int) -> None:
    """Raises ConversionError where the disk cannot hold what is missing of the result and a shard."""
    from autoglm_lite.errors import ConversionError
    from converters.partial import held

    needed = max(conversion.nbytes - held(out), 0) + shard
    free = shutil.disk_usage(out.parent).free
    if free < needed:
        raise ConversionError(
            f"{out} and the largest of its shards need {needed:,} bytes more, and {out.parent.resolve()} has {free:,} "
            "free; make room there, or name a file on another disk with -o."
        )


def outlook(remote: Remote, conversion: Conversion, order: Order, out: Path) -> Iterator[str]:
    """What is to be known before weights are fetched: sizes, room, licence, and whether the result will run here."""
    from converters.progress import size

    sizes = [remote.sources[shard].n_bytes or 0 for shard in order.shards]
    left_out = len(remote.sources) - len(sizes)
    licence = remote.repository.licence
    yield f"{remote.reference}, {f'licence {licence}' if licence else 'no licence is named'}"
    shards = f"{len(sizes)} shards, the largest {size(max(sizes, default=0))}" if len(sizes) > 1 else "1 shard"
    unneeded = f"; {left_out} more are not needed" if left_out else ""
    yield f"to fetch: {size(sum(sizes))} ({shards}{unneeded})"
    yield f"to write: {out}, {conversion.wishes.file_type.name}, {size(conversion.nbytes)}"
    needed = conversion.nbytes + max(sizes, default=0) + BESIDE_BYTES
    try:
        room = f"{size(shutil.disk_usage(out.parent).free)} free"
    except OSError:
        room = "unknown room"
    yield f"on the disk: {size(needed)} at most, {room}"
    if not conversion.wishes.mmproj and (verdict := _verdict(conversion)):
        yield f"on this machine: {verdict}"


def _verdict(conversion: Conversion) -> str | None:
    """None where nothing can be said of such a file."""
    from autoglm_lite.commands.plan import VERDICTS
    from autoglm_lite.errors import ModelFileError, UsageError
    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.planning.make import choose, in_words

    try:
        choice = choose(planned_facts(conversion), read_machine())
    except (ModelFileError, UsageError):
        return None
    needed, there = in_words(choice.predicted.resident_total), in_words(choice.available)
    return f"{VERDICTS[choice.verdict].lower()}: {needed} of memory needed, {there} to be had"
