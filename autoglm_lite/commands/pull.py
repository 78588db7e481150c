"""`autoglm-lite pull`: a model from a hub, an address or a file becomes a stored one."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import size as size_option

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.commands.ordering import Wanted
    from autoglm_lite.store.hub.client import Client
    from autoglm_lite.store.reference import HubReference

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument(
        "model",
        metavar="REF",
        help="hf:org/repo or ms:org/repo, for the file that is best on this machine, with /FILE or :TYPE behind it for"
        " another; the address of a hub's page or of a .gguf file; a name such as glm-edge-1.5b; or a .gguf file on"
        " this computer, which stays where it is",
    )
    parser.add_argument("--limit", metavar="SIZE", type=_speed, help="most bytes per second to take, such as 500KB")
    parser.add_argument(
        "--yes",
        action="store_true",
        help="ask nothing, and get the model even if it will not run here (where there is no terminal to ask: it comes"
        " if it will run)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def run(args: argparse.Namespace) -> int:
    """Returns 0 when the model is there, 1 when it was not wanted, 130 when stopped. Raises AutoglmError."""
    from autoglm_lite.commands.measuring import print_anything
    from autoglm_lite.commands.ordering import of_web, reference_of
    from autoglm_lite.store.hub.access import read_access
    from autoglm_lite.store.hub.client import Client
    from autoglm_lite.store.models import models_dir
    from autoglm_lite.store.origins import stored_from
    from autoglm_lite.store.reference import HubReference, LocalReference

    print_anything()
    reference = reference_of(args.model)
    if isinstance(reference, LocalReference):
        return _take_in(reference.path, args)
    client, models = Client(read_access(os.environ)), models_dir()
    if isinstance(reference, HubReference):
        return _from_hub(reference, args, client, models)
    path = _sound(stored_from(reference))
    if path is not None:
        return _there(path, args, new=False)
    with _looking(str(reference)):
        wanted = of_web(reference, client, models)
    return _get(wanted, args, client, models)


def _from_hub(reference: HubReference, args: argparse.Namespace, client: Client, models: Path) -> int:
    from autoglm_lite.commands.ordering import of_hub
    from autoglm_lite.store.hub.failures import DownloadError
    from autoglm_lite.store.hub.listing import repository
    from autoglm_lite.store.manifest import read_manifest
    from autoglm_lite.store.origins import is_newer, stored_from

    path = _sound(stored_from(reference))
    manifest = None if path is None else read_manifest(models, path.stem)
    if path is None or manifest is None:
        with _looking(str(reference)):
            wanted = of_hub(reference, repository(reference, client), client, models)
        return _get(wanted, args, client, models)
    try:
        with _looking(str(reference)):
            found = repository(reference, client)
    except DownloadError as error:
        _say(f"Whether there is a newer one cannot be told: {error}")
        return _there(path, args, new=False)
    newer = is_newer(manifest, found)
    if newer is None:
        return _there(path, args, new=False)
    _say(f"{path.stem} is here already, and {reference.hub}:{reference.repo} has a newer one.")
    if not args.yes and not _asked("Get the newer one?", usual=False):
        return _there(path, args, new=False)
    with _looking(str(newer)):
        wanted = of_hub(newer, found, client, models)
    return _get(wanted, args, client, models, agreed=True)


def _sound(path: Path | None) -> Path | None:
    """The stored model, unless a look at its file shows that it has to come again."""
    from autoglm_lite.store.loading import is_as_stored

    if path is None or is_as_stored(path):
        return path
    _say(f"{path.stem} is here, but its file is not what was stored: it is to come again.")
    return None


def _get(wanted: Wanted, args: argparse.Namespace, client: Client, models: Path, *, agreed: bool = False) -> int:
    """Says what it will be, asks, and gets it."""
    from autoglm_lite.commands.fetching import fetch
    from autoglm_lite.commands.nearby import nearby, take_in
    from autoglm_lite.store.download.limit import Limit
    from autoglm_lite.store.loading import is_as_stored
    from autoglm_lite.store.origins import stored_with
    from autoglm_lite.store.pulling import Pull

    order, prospect = wanted.order, wanted.prospect
    same = stored_with(order.parts[0].sha256) if len(order.parts) == 1 and order.parts[0].sha256 else None
    if same is not None and is_as_stored(same):
        return _there(same, args, new=False)
    _say(order.source)
    for sentence in prospect.sentences:
        _say(sentence)
    there = nearby(order)
    if there is None:
        _say_room(wanted, models)
    else:
        _say(f"{there.program} has this very file as {there.name}: it is used where it lies, and nothing is fetched.")
    if prospect.instead is not None:
        _say(prospect.instead)
    if not agreed and not _is_wanted(wanted, args):
        return 1
    path = take_in(there, order) if there else None
    if path is None:
        path = fetch(Pull(order, models, client, Limit(args.limit) if args.limit else None))
    if path is None:
        _say("autoglm-lite: stopped; what came is kept, and the same command goes on from here.")
        return INTERRUPTED
    return _there(path, args, new=True)


def _say_room(wanted: Wanted, models: Path) -> None:
    """Raises StoreError where there is too little."""
    from autoglm_lite.commands.ordering import too_little_room
    from autoglm_lite.commands.prospect import free_bytes
    from autoglm_lite.planning.make import in_words
    from autoglm_lite.store.pulling import came

    here, free = came(models, wanted.order.name), free_bytes(models)
    if here >= 1_000_000:
        _say(f"{in_words(min(here, wanted.order.n_bytes))} of it came before, and need not come again.")
    if free is not None:
        short = too_little_room(wanted, here, free)
        if short is not None:
            raise short
        needed = max(0, wanted.prospect.needed - here)
        _say(f"The disk has {in_words(free)} free, and {in_words(needed)} of it are needed.")


def _is_wanted(wanted: Wanted, args: argparse.Namespace) -> bool:
    """Raises StoreError where nobody can be asked about a model that will not run."""
    from autoglm_lite.errors import StoreError

    fits = wanted.prospect.fits
    if args.yes:
        return True
    if _terminal():
        return _asked("Get it?", usual=fits)
    if not fits:
        raise StoreError(f"{wanted.order.name} will not run here, so it was not fetched; --yes gets it all the same.")
    return True


def _take_in(file: Path, args: argparse.Namespace) -> int:
    """A file of this computer, which stays where it is."""
    from autoglm_lite.commands.models.importing import joined, sentence, whole
    from autoglm_lite.gguf.parts import part_names

    done = joined(file, None, yes=args.yes) if len(part_names(file.name)) > 1 else whole(file, None)
    if done is None:
        return 1
    _say(sentence(done))
    return _there(done.path, args, new=True)


def _there(path: Path, args: argparse.Namespace, *, new: bool) -> int:
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.store.manifest import read_manifest

    if args.json:
        known = read_manifest(path.parent, path.stem)
        told = {
            "name": path.stem,
            "path": str(path),
            "new": new,
            "bytes": path.stat().st_size,
            "sha256": known and known.file.sha256,
            "source": known and known.source,
            "revision": known and known.revision,
            "licence": known and known.licence,
            "mmproj": known and known.mmproj and known.mmproj.name,
        }
        print(json.dumps(told, ensure_ascii=False))
    else:
        command = "chat" if read_facts(path).use == "chat" else "serve"
        print(f"{path.stem} is here{'' if new else ' already'}: autoglm-lite {command} {path.stem}")
    return 0


@contextmanager
def _looking(at: str) -> Iterator[None]:
    """On a slow line the beginning of a file may take a minute."""
    from autoglm_lite.commands.shell import StatusLine

    line = StatusLine(sys.stderr)
    if sys.stderr.isatty():
        line.show(f"looking at {at}; a few MB are read")
    try:
        yield
    finally:
        line.clear()


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(question: str, *, usual: bool) -> bool:
    """The user's answer; no where nobody can be asked."""
    if not _terminal():
        return False
    print(f"{question} {'[Y/n]' if usual else '[y/N]'} ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)
        return False
    answer = line.strip().lower()
    return usual if not answer else answer in ("y", "yes", "j", "ja", "是", "好")


def _say(sentence: str) -> None:
    from autoglm_lite.commands.shell import without_controls

    print(without_controls(sentence), file=sys.stderr, flush=True)


def _speed(text: str) -> int:
    import argparse

    found = size_option(text)
    if found < 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is too slow: give bytes per second, such as 500KB")
    return found
