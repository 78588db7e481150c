"""`autoglm-lite serve`: the models on this computer, for other programs."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import add_model_argument, add_planning_options, wishes
from autoglm_lite.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping

    from autoglm_lite.server.models import Models, Planned

PORT = 8484
PARALLEL = 4
IDLE_SECONDS = 600
MOST_PARALLEL = 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    add_model_argument(parser)
    parser.add_argument(
        "--host",
        action="append",
        metavar="H",
        help="the address to listen on (default: 127.0.0.1); given again: another name that programs ask it by",
    )
    parser.add_argument("--port", type=int, metavar="N", help=f"its port (default: {PORT}); 0: any that is free")
    parser.add_argument(
        "--socket", type=Path, metavar="PATH", help="a Unix socket to listen on, alone or beside --port"
    )
    parser.add_argument(
        "--parallel", type=int, default=PARALLEL, metavar="N", help=f"answers at the same time (default: {PARALLEL})"
    )
    parser.add_argument(
        "--idle-unload",
        type=float,
        default=IDLE_SECONDS,
        metavar="SECONDS",
        help=f"unload a model that nobody has asked for so long (default: {IDLE_SECONDS}); 0: never",
    )
    parser.add_argument("--no-auth", action="store_true", help="let every program of this computer in without a key")
    add_planning_options(parser)


def run(args: argparse.Namespace) -> int:
    """Serves until it is interrupted. Raises AutoglmError."""
    import asyncio

    from autoglm_lite.paths import data_dir
    from autoglm_lite.server.app import make_app
    from autoglm_lite.server.guard import door
    from autoglm_lite.server.keys import make_key
    from autoglm_lite.server.listen import serve, tcp_socket
    from autoglm_lite.server.service import Service

    check(args)

    hosts = args.host or ["127.0.0.1"]

    async def serving() -> None:
        socket = tcp_socket(hosts[0], PORT if args.port is None else args.port, private=args.no_auth)
        key = None if args.no_auth else make_key()
        service = Service(models(args), data_dir())
        try:
            await serve(make_app(service, door(key, hosts)), [socket])
        finally:
            await service.models.close()

    asyncio.run(serving())
    return 0


def check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that make no sense."""
    if not 1 <= args.parallel <= MOST_PARALLEL:
        raise UsageError(f"--parallel {args.parallel} makes no sense: give a number from 1 to {MOST_PARALLEL}.")
    if not args.idle_unload >= 0:
        raise UsageError(f"--idle-unload {args.idle_unload} makes no sense: give seconds, or 0 for never.")
    if args.port is not None and not 0 <= args.port <= 65535:
        raise UsageError(f"--port {args.port} makes no sense: give a number up to 65535.")


def models(args: argparse.Namespace) -> Models:
    """All stored models, the starter, and the one on the command line."""
    import math
    from functools import lru_cache

    from autoglm_lite.paths import states_dir
    from autoglm_lite.server.models import Models
    from autoglm_lite.store import models as store

    wanted = replace(wishes(args), n_parallel=args.parallel)
    given = None if args.model is None else store.resolve(args.model)

    def files() -> Mapping[str, Path]:
        found = {path.stem: path for path in (store.starter_path(), *store.stored_models())}
        return found if given is None else {**found, given.stem: given}

    @lru_cache(maxsize=1)
    def default() -> str:
        return (given or store.resolve(None, wanted)).stem

    store.make_models_dir()
    return Models(
        files,
        default,
        _planner(args),
        states=states_dir(),
        keep_seconds=args.idle_unload or math.inf,
        tell=lambda sentence: print(f"autoglm-lite: {sentence}", file=sys.stderr, flush=True),
    )


def _planner(args: argparse.Namespace) -> Callable[[Path, int], Planned]:
    from autoglm_lite.commands.planned import planned
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.server.models import Planned

    wanted = replace(wishes(args), n_parallel=args.parallel)

    def plan(path: Path, taken: int) -> Planned:
        said: list[str] = []
        facts = read_facts(path)
        found, lighter = planned(facts, path, wanted, args.profile, said.append, taken)
        return Planned(facts, found, lighter, tuple(said))

    return plan
