"""`autoglm-lite rpc-server`: this computer takes a part of another one's model."""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from autoglm_lite.errors import UsageError, WorkerDiedError

if TYPE_CHECKING:
    import argparse

    from autoglm_lite.worker.protocol import Serving

HOST, PORT = "127.0.0.1", 50052
SECONDS_BETWEEN_STARTS = 1.0
WARNING = (
    "WARNING: anybody who can reach this port can use this computer's memory and processor, and may crash or take over"
    " the process behind it; what goes over the network is not encrypted. Do this only in a network where you trust"
    " every device, such as a cable between two computers, and never on one that is open to the internet."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's options."""
    parser.add_argument(
        "--host",
        default=HOST,
        metavar="H",
        help=f"address to be reached at: this computer's in a network that you trust (default: {HOST}, this computer"
        " alone)",
    )
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help=f"TCP port (default: {PORT})")
    parser.add_argument("--threads", type=int, metavar="N", help="processor cores to use (default: all physical ones)")


def run(args: argparse.Namespace) -> int:
    """Serves until it is interrupted. Raises UsageError for an address that makes no sense, LoadError for one that
    cannot be had."""
    import asyncio

    from autoglm_lite.hardware.machine import read_machine
    from autoglm_lite.planning.make import MAX_THREADS

    if not args.host.strip():
        raise UsageError(f"--host makes no sense without an address: give this computer's, such as {HOST}.")
    if not 1 <= args.port <= 65535:
        raise UsageError(f"--port {args.port} makes no sense: give a number from 1 to 65535.")
    if args.threads is not None and not 1 <= args.threads <= MAX_THREADS:
        raise UsageError(f"--threads {args.threads} makes no sense: give a number from 1 to {MAX_THREADS}.")
    try:
        address = socket.gethostbyname(args.host)
    except OSError as error:
        raise UsageError(f"--host {args.host} is no address of this computer: give its IPv4 address.") from error
    return asyncio.run(_serve(address, args.port, args.threads or read_machine().physical_cores))


async def _serve(address: str, port: int, threads: int) -> int:
    """Starts another worker when one has died, which a client that asks for too much can bring about."""
    import asyncio

    from autoglm_lite.worker.client import Worker

    served = 0

    def tell(serving: Serving) -> None:
        nonlocal served
        if not served:
            _tell(serving, address, port)
        served += 1

    async with Worker() as worker:
        while True:
            before = served
            try:
                await worker.serve_devices(address, port, threads, tell)
            except WorkerDiedError as error:
                if served == before:
                    raise
                print(f"autoglm-lite: {error} It is started again.", file=sys.stderr, flush=True)
            await asyncio.sleep(SECONDS_BETWEEN_STARTS)


def _tell(serving: Serving, address: str, port: int) -> None:
    from autoglm_lite.planning.make import in_words

    for description, free in serving.devices:
        print(f"Offering {description} with {in_words(free)} of free memory at {address}:{port}; Ctrl-C ends it.")
    if address.startswith("127."):
        print(f"Only programs on this computer reach it: autoglm-lite chat MODEL --rpc {address}:{port}")
    else:
        print(f"\n{WARNING}\n", file=sys.stderr, flush=True)
        here = "THIS-COMPUTER" if address == "0.0.0.0" else address
        print(f"On the other computer: autoglm-lite chat MODEL --rpc {here}:{port}")
    sys.stdout.flush()
