"""Options that several commands share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.planning.make import Wishes

KV_TYPES = ("f16", "q8_0", "f32")


def add_model_argument(parser: argparse.ArgumentParser, more: str = "") -> None:
    """MODEL, which may be left out; `more`: what else the command takes for it."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help=f"a GGUF file or a stored model's name{more} (default: the best stored model that fits, else the starter)",
    )


def add_planning_options(parser: argparse.ArgumentParser) -> None:
    """How a model is to be loaded; `wishes` reads them."""
    group = parser.add_argument_group("loading the model")
    group.add_argument(
        "--ctx", type=int, metavar="N", help="tokens that a conversation can hold, answers included (default: 4096)"
    )
    group.add_argument("--threads", type=int, metavar="N", help="processor cores to use (default: all physical ones)")
    group.add_argument(
        "--kv-type", choices=KV_TYPES, metavar="TYPE", help="type of the KV cache: f16 (default), q8_0 or f32"
    )
    group.add_argument(
        "--gpu-layers",
        type=int,
        metavar="N",
        help="most layers to put on graphics cards and other computers (default: as many as fit); 0: none",
    )
    group.add_argument(
        "--vram", type=size, metavar="SIZE", help="memory to use of each of them (default: what is free, less a margin)"
    )
    group.add_argument(
        "--rpc",
        type=endpoint,
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="another computer that runs autoglm-lite rpc-server, to take a part of the model; may be given several"
        " times",
    )
    group.add_argument(
        "--memory", type=size, metavar="SIZE", help="memory that may be used, such as 3.5GB (default: what is free)"
    )
    group.add_argument(
        "--profile",
        metavar="NAME",
        help="what to prefer before what was tuned, in place of the profile for this machine: a name or a .toml file",
    )


def wishes(args: argparse.Namespace) -> Wishes:
    """What `add_planning_options` read; its values are checked where the plan is made."""
    from autoglm_lite.planning.make import Wishes

    return Wishes(
        args.ctx, args.threads, args.kv_type, args.gpu_layers, args.memory, vram=args.vram, rpc=tuple(args.rpc)
    )


def size(text: str) -> int:
    """Bytes in `3.5GB`, `800MiB` or `1000000`. Raises argparse's error for anything else."""
    import argparse

    from autoglm_lite.sizes import parse_size

    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}") from None


def endpoint(text: str) -> str:
    """HOST:PORT as it is. Raises argparse's error for anything else; the RPC backend knows no IPv6."""
    import argparse

    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[A-Za-z0-9._-]+", host) or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text[:60]!r} is no HOST:PORT: write it like 192.168.1.20:50052")
    return text
