"""`autoglm-lite serve`: the models on this computer, for other programs."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.commands.options import add_model_argument, add_planning_options, wishes
from autoglm_lite.errors import AutoglmError, UsageError, WillNotFitError

if TYPE_CHECKING:
    import argparse
    import socket
    from collections.abc import Callable, Mapping

    from autoglm_lite.server.models import Models
    from autoglm_lite.server.resident import Planned
    from autoglm_lite.service.notify import Notifier

HOST = "127.0.0.1"
PORT = 8484
PARALLEL = 4
IDLE_SECONDS = 600
MOST_PARALLEL = 16
STARTER_SECONDS = 60.0
"""After which memory is looked for again for a larger model than the starter."""


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
    import signal

    from autoglm_lite.service.notify import Notifier

    check(args)
    notifier = Notifier.take(os.environ)
    try:
        number = asyncio.run(_serve(args, notifier))
    except AutoglmError as error:
        notifier.status(str(error))
        raise
    return 130 if number == signal.SIGINT else 0


async def _serve(args: argparse.Namespace, notifier: Notifier) -> int | None:
    """Until a signal, whose number is returned."""
    from autoglm_lite.heap import return_freed_memory
    from autoglm_lite.paths import data_dir
    from autoglm_lite.server.app import make_app
    from autoglm_lite.server.guard import door
    from autoglm_lite.server.keys import make_key
    from autoglm_lite.server.listen import addresses, check_private, is_open, serve
    from autoglm_lite.server.service import Service
    from autoglm_lite.service.attendant import SECONDS_OF_REST, Attendant
    from autoglm_lite.service.attendant import Models as Attended
    from autoglm_lite.service.notify import take_sockets
    from autoglm_lite.service.running import announce

    key = None if args.no_auth else make_key()
    passed = take_sockets(os.environ)
    if not passed:
        check_loading(args)
        return_freed_memory()
    sockets = passed or listen(args)
    if args.no_auth:
        check_private(sockets)
    url, path = addresses(sockets)
    others = any(map(is_open, sockets))

    def complain(sentence: str) -> None:
        tell(sentence)
        notifier.status(sentence)

    service = Service(models(args, complain), data_dir())
    attendant = Attendant(
        Attended(lambda: [resident.worker for resident in service.models.residents], service.models.close),
        notifier,
        lambda: None if passed else tell(greeting(url, path, needs_key=key is not None, others=others)),
        SECONDS_OF_REST if passed else None,
    )
    try:
        with announce(url, path):
            return await serve(make_app(service, door(key, args.host or [HOST])), sockets, attendant)
    finally:
        await attendant.close()
        if path is not None and not passed:
            _remove(path)


def listen(args: argparse.Namespace) -> list[socket.socket]:
    """A TCP socket, a Unix socket where one is asked for, or that alone. Raises AutoglmError."""
    from autoglm_lite.server.listen import tcp_socket, unix_socket

    sockets = []
    if takes_port(args):
        port = PORT if args.port is None else args.port
        sockets.append(tcp_socket((args.host or [HOST])[0], port, private=args.no_auth))
    if args.socket is not None:
        sockets.append(unix_socket(args.socket.expanduser().absolute()))
    return sockets


def _remove(path: str) -> None:
    """A Unix socket's file."""
    Path(path).unlink(missing_ok=True)


def takes_port(args: argparse.Namespace) -> bool:
    """Whether it is to listen for TCP: not where a Unix socket alone is asked for."""
    return args.socket is None or args.host is not None or args.port is not None


def greeting(url: str | None, path: str | None, *, needs_key: bool, others: bool) -> str:
    """Where programs find the service, in a line. `others`: whether those of other computers do."""
    from autoglm_lite.server.listen import OTHERS

    places = " and ".join(place for place in (url and f"{url}/v1", path) if place)
    key = "; the key: autoglm-lite service status" if needs_key else ", without a key"
    warning = f" {OTHERS}" if others else ""
    return f"OpenAI's, Ollama's and Anthropic's clients are answered at {places}{key}.{warning} Ctrl-C ends it."


def tell(sentence: str) -> None:
    """To the terminal, or to the journal."""
    print(f"autoglm-lite: {sentence}", file=sys.stderr, flush=True)


def check(args: argparse.Namespace) -> None:
    """Raises UsageError for options that make no sense."""
    if not 1 <= args.parallel <= MOST_PARALLEL:
        raise UsageError(f"--parallel {args.parallel} makes no sense: give a number from 1 to {MOST_PARALLEL}.")
    if not args.idle_unload >= 0:
        raise UsageError(f"--idle-unload {args.idle_unload} makes no sense: give seconds, or 0 for never.")
    if args.port is not None and not 0 <= args.port <= 65535:
        raise UsageError(f"--port {args.port} makes no sense: give a number up to 65535.")


def check_loading(args: argparse.Namespace) -> None:
    """What each request would be refused for is said at the start. Raises ModelFileError, UsageError, ProfileError."""
    from autoglm_lite.planning.make import Wishes

    if args.model is None and args.profile is None and wishes(args) == Wishes():
        return
    from autoglm_lite.commands.finding import find
    from autoglm_lite.commands.preferences import preferred
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.planning.make import decide
    from autoglm_lite.store.models import starter_path

    facts, machine = read_facts(starter_path() if args.model is None else find(args.model)), read_machine()
    wanted = replace(wishes(args), n_parallel=args.parallel)
    if args.model is None:
        # Other models may take what the starter does not.
        ctx = None if wanted.ctx is None else min(wanted.ctx, facts.n_ctx_train)
        wanted = replace(wanted, ctx=ctx, kv_type=None)
    try:
        decide(facts, machine, preferred(wanted, facts, machine, args.profile))
    except WillNotFitError as error:
        # It may when somebody asks.
        tell(str(error))


def models(args: argparse.Namespace, complain: Callable[[str], None]) -> Models:
    """All stored models, the starter, and the one on the command line."""
    import math
    import time

    from autoglm_lite.paths import states_dir
    from autoglm_lite.server.models import Models
    from autoglm_lite.store import models as store

    wanted = replace(wishes(args), n_parallel=args.parallel)
    given = None if args.model is None else store.resolve(args.model)

    def files() -> Mapping[str, Path]:
        found = {path.stem: path for path in (store.starter_path(), *store.stored_models())}
        return found if given is None else {**found, given.stem: given}

    chosen: list[tuple[str, float]] = []

    def default() -> str:
        """The same as long as it is there: a conversation is not to change its model, but for a better one than the
        starter, which is chosen where there is no memory for any other."""
        if chosen:
            name, since = chosen[0]
            is_last_resort = given is None and name == store.starter_path().stem
            if name in files() and not (is_last_resort and time.monotonic() - since > STARTER_SECONDS):
                return name
        chosen[:] = [((given or store.resolve(None, wanted, tell)).stem, time.monotonic())]
        return chosen[0][0]

    store.make_models_dir()
    return Models(
        files,
        default,
        _planner(args),
        states=states_dir(),
        keep_seconds=args.idle_unload or math.inf,
        tell=tell,
        complain=complain,
    )


def _planner(args: argparse.Namespace) -> Callable[[Path, int], Planned]:
    from autoglm_lite.commands.planned import planned
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.server.resident import Planned

    wanted = replace(wishes(args), n_parallel=args.parallel)

    def plan(path: Path, taken: int) -> Planned:
        said: list[str] = []
        facts = read_facts(path)
        found, lighter = planned(facts, path, wanted, args.profile, said.append, taken)
        return Planned(facts, found, lighter, tuple(said))

    return plan
