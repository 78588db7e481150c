"""`autoglm-lite service`: the server in the background, run by systemd for this user."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from autoglm_lite.errors import AutoglmError

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.service.running import Running
    from autoglm_lite.service.state import State

ACTIONS = {
    "install": "have systemd listen for programs and start `autoglm-lite serve` at the first request",
    "uninstall": "end the service, and remove its units, its key and what programs have had it keep",
    "start": "listen again, after `stop` or a failure",
    "stop": "end the service, and listen no more until `start` or the next login",
    "restart": "start the program anew; the address stays open meanwhile",
    "status": "show whether it runs, its address and key, the models in memory, and the last error",
    "logs": "show what it has said",
}
FIRST_ANSWER_SECONDS = 120.0
LINES = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's actions and their options."""
    from autoglm_lite.commands.serve import add_arguments as add_serving_arguments

    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary in ACTIONS.items():
        child = actions.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", allow_abbrev=False
        )
        if name == "install":
            add_serving_arguments(child)
        elif name == "logs":
            child.add_argument("-f", "--follow", action="store_true", help="go on with what it says from now on")
            child.add_argument(
                "-n", "--lines", type=int, default=LINES, metavar="N", help=f"how many lines (default: {LINES})"
            )


def run(args: argparse.Namespace) -> int:
    """Raises AutoglmError, with what to do instead where there is no systemd."""
    from autoglm_lite.service import installed, systemctl

    if args.action == "status":
        return _status()
    version = systemctl.require_manager()
    if args.action == "install":
        return _install(args, version)
    if not installed.is_installed():
        raise AutoglmError("The service is not installed: `autoglm-lite service install` does it.")
    if args.action == "logs":
        return _logs(args)
    if args.action == "uninstall":
        _uninstall()
        return 0
    actions = {"start": installed.start, "stop": installed.stop, "restart": installed.restart}
    actions[args.action]()
    return 0


def _install(args: argparse.Namespace, version: int) -> int:
    """First with the home folder hidden; where the system forbids the namespaces for that, without."""
    from dataclasses import replace

    from autoglm_lite.commands.installing import unit
    from autoglm_lite.commands.serve import check
    from autoglm_lite.server.keys import make_key, read_key
    from autoglm_lite.server.listen import OTHERS
    from autoglm_lite.service.installed import NotStartedError, install, texts

    check(args)
    made, gpu = unit(args, version, _say)
    had_key = read_key() is not None
    key = None if args.no_auth else make_key()
    place = made.listen[-1]
    try:
        try:
            install(texts(made, gpu=gpu), lambda: _first_answer(place, key))
        except NotStartedError as error:
            made = replace(made, confined=False)
            _say(f"The service is tried again without namespaces of its own, since with them it failed: {error}")
            install(texts(made, gpu=gpu), lambda: _first_answer(place, key))
    except BaseException:
        if not had_key:
            _remove_key()
        raise
    if not made.confined:
        _say("This system lets you make no namespaces: the service can read your files, as all your programs can.")
    if any(map(_is_open, made.listen)):
        _say(OTHERS)
    _print_next(key)
    return 0


def _is_open(place: str) -> bool:
    """Whether other computers reach a place that systemd listens at."""
    from autoglm_lite.server.listen import is_loopback

    return not place.startswith("/") and not is_loopback(place.rpartition(":")[0].strip("[]"))


def _first_answer(place: str, key: str | None) -> None:
    """Once it answers at all, the small model that comes with the program says a word: so llama.cpp runs, too."""
    from autoglm_lite.service.asking import ask
    from autoglm_lite.store.models import starter_path

    ask(place, "/health", key, seconds=FIRST_ANSWER_SECONDS)
    question = {"model": starter_path().stem, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    ask(place, "/v1/chat/completions", key, question, seconds=FIRST_ANSWER_SECONDS)


def _print_next(key: str | None) -> None:
    from autoglm_lite.service.state import installed_state

    state = installed_state()
    print("The service answers, and is started by the first request from now on, also after the next login.")
    _print_places(state.running)
    _print_row("key", key or "none is needed")
    print("It ends when you log out, unless you let it stay: loginctl enable-linger")
    print("More: autoglm-lite service status | logs | stop | uninstall, and docs/service.md")


def _uninstall() -> None:
    import shutil
    from contextlib import suppress

    from autoglm_lite.commands.installing import kept_dir
    from autoglm_lite.paths import runtime_dir
    from autoglm_lite.service.installed import uninstall
    from autoglm_lite.service.running import NAME

    uninstall()
    _remove_key()
    shutil.rmtree(kept_dir(), ignore_errors=True)
    (runtime_dir() / NAME).unlink(missing_ok=True)
    with suppress(OSError):
        runtime_dir().rmdir()
    print("The service, its key and what programs had it keep are removed; your models and conversations are not.")


def _remove_key() -> None:
    from contextlib import suppress

    from autoglm_lite.server.keys import key_path

    key_path().unlink(missing_ok=True)
    with suppress(OSError):
        key_path().parent.rmdir()


def _status() -> int:
    """Of the installed service, else of one that was started by hand."""
    from autoglm_lite.server.keys import read_key
    from autoglm_lite.service.installed import is_installed
    from autoglm_lite.service.running import find
    from autoglm_lite.service.state import State, held, installed_state, models_of
    from autoglm_lite.service.systemctl import NoManagerError, require_manager

    found = find()
    key = read_key()
    try:
        require_manager()
        if not is_installed():
            raise NoManagerError("The service is not installed: `autoglm-lite service install` does it.")
        state = installed_state()
    except NoManagerError:
        if found is None:
            raise
        state = State("running, started by hand", found, n_bytes=held(found.pid))
    running = state.running
    models = models_of(running, key) if running is not None and state.words.startswith("running") else state.models
    _print_state(state, models, key)
    return 0


def _print_state(state: State, models: str, key: str | None) -> None:
    _print_row("state", state.words)
    _print_places(state.running)
    _print_row("key", key or "none was made")
    _print_row("models", models)
    limit = f", of at most {state.memory_max / 1e9:,.1f} GB" if state.memory_max else ""
    _print_row("memory", f"{state.n_bytes / 1e6:,.0f} MB{limit}")
    _print_row("last error", state.last_error or "none")


def _print_places(running: Running | None) -> None:
    if running is not None:
        if running.url:
            _print_row("address", f"{running.url}/v1 (OpenAI), {running.url} (Ollama, Anthropic)")
        if running.socket:
            _print_row("socket", running.socket)


def _print_row(name: str, text: str) -> None:
    print(f"{name:<12}{text}")


def _logs(args: argparse.Namespace) -> int:
    import subprocess

    from autoglm_lite.service.unit import SERVICE

    command = ["journalctl", "--user", f"--user-unit={SERVICE}", f"--lines={args.lines}"]
    try:
        return subprocess.run([*command, *(["--follow"] if args.follow else [])], check=False).returncode
    except OSError as error:
        raise AutoglmError(f"The log cannot be shown: journalctl cannot be run ({error.strerror}).") from error


def _say(sentence: str) -> None:
    print(f"autoglm-lite: {sentence}", file=sys.stderr, flush=True)
