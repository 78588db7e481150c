"""What the units of the service are made of: this program, this machine, and the options of `serve`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from autoglm_lite.service.unit import Unit

SOCKET_NAME = "service.sock"
KEPT_VARIABLES = ("AUTOGLM_LITE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")


def unit(args: argparse.Namespace, systemd: int, say: Callable[[str], None]) -> tuple[Unit, bool]:
    """`args`: those of `serve`. And whether a graphics card of this computer is used. Raises AutoglmError."""
    from dataclasses import replace

    from autoglm_lite.commands.finding import find
    from autoglm_lite.commands.options import wishes
    from autoglm_lite.commands.planned import planned
    from autoglm_lite.gguf.facts import read_facts
    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.planning.memory import predict
    from autoglm_lite.service.unit import Unit, memory_limits

    wanted = replace(wishes(args), n_parallel=args.parallel)
    path = find(args.model, wanted)
    facts, machine = read_facts(path), read_machine()
    plan, _ = planned(facts, path, wanted, args.profile, say)
    needed = predict(facts, machine.features, plan).resident_total
    high, most = memory_limits(machine.memory_total, needed, args.memory)
    writable, readable = folders()
    program, package = _program()
    made = Unit(
        [*program, "serve", *arguments(args)],
        listening(args),
        high,
        most,
        Path.home(),
        Path(os.environ["XDG_RUNTIME_DIR"]),
        writable,
        [*readable, *_programs_folders(), *_given_files(args, path)],
        [*package, *((name, os.environ[name]) for name in KEPT_VARIABLES if name in os.environ)],
        systemd=systemd,
    )
    return made, any(part.endpoint is None for part in plan.devices)


def listening(args: argparse.Namespace) -> list[str]:
    """What systemd listens at: addresses, and paths of Unix sockets. Raises UsageError."""
    import socket

    from autoglm_lite.commands.serve import HOST, PORT, takes_port
    from autoglm_lite.paths import runtime_dir
    from autoglm_lite.server.listen import NO_ADDRESS, OPEN, is_loopback

    if args.port == 0:
        raise UsageError("The service needs a port that programs can be told: give a --port other than 0.")
    found = []
    if takes_port(args):
        host, port = (args.host or [HOST])[0], PORT if args.port is None else args.port
        try:
            address = str(socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0][4][0])
        except (OSError, UnicodeError) as error:
            raise UsageError(NO_ADDRESS.format(host)) from error
        if args.no_auth and not is_loopback(address):
            raise UsageError(OPEN.format(host))
        found.append(f"[{address}]:{port}" if ":" in address else f"{address}:{port}")
    path = runtime_dir() / SOCKET_NAME if args.socket is None else args.socket.expanduser().absolute()
    return [*found, str(path)]


def arguments(args: argparse.Namespace) -> list[str]:
    """The same options again, but for where it listens, which systemd does for it; paths made absolute."""
    import argparse

    from autoglm_lite.commands.finding import find
    from autoglm_lite.commands.serve import add_arguments

    parser = argparse.ArgumentParser(add_help=False)
    add_arguments(parser)
    words: list[str] = []
    for action in parser._actions:
        value = getattr(args, action.dest)
        if action.dest in ("port", "socket", "model") or value == action.default:
            continue
        option = action.option_strings[-1]
        if value is True:
            words.append(option)
        else:
            values = value if isinstance(value, list) else [value]
            words += [f"{option}={_absolute(one) if action.dest == 'profile' else one}" for one in values]
    if args.model is not None:
        words += ["--", _absolute(str(find(args.model)))]
    return words


def folders() -> tuple[Sequence[Path], Sequence[Path]]:
    """Those that the service writes in, and those that it reads; made where they are missing. Conversations of the
    terminal app are in neither."""
    from autoglm_lite.paths import cache_dir, config_dir, data_dir, private_dir, runtime_dir, state_dir
    from autoglm_lite.server.keys import key_path
    from autoglm_lite.store.models import models_dir

    writable = (key_path().parent, kept_dir(), state_dir(), cache_dir(), runtime_dir())
    readable = (config_dir(), models_dir(), data_dir() / "tuned")
    for folder in (*writable, *readable):
        private_dir(folder)
    return writable, readable


def kept_dir() -> Path:
    """Of what `/v1/responses` keeps; see server/openai/responses.py."""
    from autoglm_lite.paths import data_dir

    return data_dir() / "responses"


def _program() -> tuple[list[str], list[tuple[str, str]]]:
    """The command, and the variables that it needs where the package is not installed in its environment."""
    root = _package_root()
    if root.is_relative_to(sys.prefix):
        return [sys.executable, "-I", "-m", "autoglm_lite"], []
    return [sys.executable, "-m", "autoglm_lite"], [("PYTHONPATH", str(root))]


def _programs_folders() -> list[Path]:
    """Everything that the interpreter reads."""
    interpreter = Path(sys.executable).resolve()
    found = [Path(sys.prefix), Path(sys.base_prefix), interpreter.parent.parent, _package_root()]
    return [folder for folder in found if folder != Path("/")]


def _package_root() -> Path:
    return Path(__file__).parent.parent.parent


def _given_files(args: argparse.Namespace, model: Path) -> list[Path]:
    """Files outside of our folders that the service has been given, and what links among the stored models lead to."""
    from autoglm_lite.store.models import stored_models

    found = [model.absolute(), model.resolve(), *(path.resolve() for path in stored_models())]
    if args.profile is not None and Path(args.profile).is_file():
        found.append(Path(args.profile).absolute())
    return found


def _absolute(text: str) -> str:
    """A file's path as it is known everywhere; a name stays as it is."""
    return str(Path(text).absolute()) if Path(text).expanduser().exists() else text
