"""Getting a file over a slow line that breaks: our download, curl in the loop that people write, and `hf download`.

    python benchmarks/downloads.py --hf venv/bin/hf
    python benchmarks/downloads.py --quick

All on loopback. The line has one speed for all connections together and a delay before each answer; each connection
breaks after a random number of bytes, and one in four does not end then but stalls. `--quick` measures instead how many
MB a second we take from a server without limits, with the SHA-256, and how much of a processor that needs.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

from autoglm_lite.store.download import Fetch, Limit, Patience, Source
from autoglm_lite.store.hub.access import read_access
from autoglm_lite.store.hub.client import Client
from tests.store.hub import FakeHub, serving
from tests.store.hub.answering import Answering

REPO, FILE = "org/repo-GGUF", "model-Q4_K_M.gguf"
PIECE = 16_384
STALLS = 0.25
"""Of the connections that break."""
STALL_SECONDS = 10.0
"""After which all give up a connection that says nothing: our patience, --speed-time, HF_HUB_DOWNLOAD_TIMEOUT."""


class Line:
    """In place of the fake hub's own way to send a body."""

    def __init__(self, bytes_per_second: float, delay: float, mean: float) -> None:
        self._limit, self._delay, self._mean = Limit(bytes_per_second), delay, mean
        self.chance = random.Random(0)
        self.over = threading.Event()

    def pour(self, answering: Answering, body: bytes, file: str, pace: float) -> None:
        time.sleep(self._delay)
        breaks_at = self.chance.expovariate(1 / self._mean)
        for at in range(0, len(body), PIECE):
            if at >= breaks_at:
                if self.chance.random() < STALLS:
                    self.over.wait(6 * STALL_SECONDS)
                answering.connection.shutdown(socket.SHUT_RDWR)
                return
            piece = body[at : at + PIECE]
            self._limit.take(len(piece), self.over)
            answering.wfile.write(piece)
            with answering.hub.lock:
                answering.hub.given[file] += len(piece)


def ours(hub: FakeHub, folder: Path, content: bytes, _: argparse.Namespace) -> Path:
    access = read_access(hub.environ)
    source = Source(f"{hub.url}/{REPO}/resolve/main/{FILE}", FILE, len(content), hashlib.sha256(content).hexdigest())
    fetch = Fetch(source, folder, FILE, Client(access, STALL_SECONDS), Patience(attempts=50, most=5.0))
    path = fetch.run()
    assert path is not None
    return path


def curl(hub: FakeHub, folder: Path, content: bytes, _: argparse.Namespace) -> Path:
    """The loop goes on until it is whole: curl's own --retry begins a cut file again from where the call began."""
    path = folder / FILE
    command = [
        "curl",
        "-sfL",
        "-C",
        "-",
        "-o",
        str(path),
        "--speed-limit",
        "1",
        "--speed-time",
        str(int(STALL_SECONDS)),
    ]
    while subprocess.run([*command, f"{hub.url}/{REPO}/resolve/main/{FILE}"], check=False).returncode:
        time.sleep(1.0)
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    assert digest.digest() == hashlib.sha256(content).digest()
    return path


def hf(hub: FakeHub, folder: Path, _: bytes, args: argparse.Namespace) -> Path:
    """In a loop too: it gives up after some failures."""
    environ = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
    environ |= {"HF_HUB_DOWNLOAD_TIMEOUT": str(int(STALL_SECONDS)), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [args.hf, "download", REPO, FILE, "--local-dir", str(folder)]
    began = time.monotonic()
    while subprocess.run(command, env=environ, check=False, capture_output=True).returncode:
        if time.monotonic() - began > args.most:
            raise TimeoutError
        time.sleep(1.0)
    return folder / FILE


def compare(args: argparse.Namespace) -> None:
    content = b"GGUF" + random.Random(1).randbytes(args.size * 1_000_000 - 4)
    peers: dict[str, Callable[..., Path]] = {"ours": ours, "curl in a loop": curl}
    if args.hf:
        peers["hf download in a loop"] = hf
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    fetched: dict[str, list[float]] = {name: [] for name in peers}
    for n in range(args.rounds):
        for name, get in peers.items():
            line = Line(args.speed * 1e6, args.delay, args.breaks * 1e6)
            line.chance = random.Random(n)
            Answering.pour = _pour(line)  # type: ignore[method-assign,assignment]
            with serving(FakeHub({REPO: {FILE: content}})) as hub, tempfile.TemporaryDirectory() as folder:
                began = time.monotonic()
                try:
                    assert get(hub, Path(folder), content, args).read_bytes() == content
                    seconds[name].append(time.monotonic() - began)
                except TimeoutError:
                    seconds[name].append(float("inf"))
                line.over.set()
                fetched[name].append(sum(hub.given.values()) / len(content))
                print(
                    f"round {n + 1} {name:22} {seconds[name][-1]:7.1f} s, {fetched[name][-1]:.2f} times its bytes",
                    flush=True,
                )
    ideal = args.size / args.speed
    print(
        f"{args.size} MB at {args.speed} MB/s, which takes {ideal:.1f} s; breaks every {args.breaks} MB or so; medians:"
    )
    for name in peers:
        print(f"{name:22} {median(seconds[name]):7.1f} s   {median(fetched[name]):.2f} times its bytes")


def _pour(line: Line) -> Callable[[Answering, bytes, str, float], None]:
    def pour(answering: Answering, body: bytes, file: str, pace: float) -> None:
        line.pour(answering, body, file, pace)

    return pour


class Sending(BaseHTTPRequestHandler):
    """Ranges of a file by sendfile(2), so that the server costs little."""

    protocol_version = "HTTP/1.1"
    path_of_file: Path

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.close_connection = True
        size = self.path_of_file.stat().st_size
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "bytes=0-"))
        assert match is not None
        begin, end = int(match[1]), min(size, int(match[2] or size) + 1)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{size}")
        self.send_header("Content-Length", str(end - begin))
        self.send_header("ETag", '"one"')
        self.end_headers()
        with self.path_of_file.open("rb") as file, contextlib.suppress(OSError):
            while begin < end:
                begin += os.sendfile(self.connection.fileno(), file.fileno(), begin, end - begin)


@contextlib.contextmanager
def sending(path: Path) -> Iterator[str]:
    """In a process of its own."""
    with subprocess.Popen(
        [sys.executable, __file__, "--serve", str(path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}/{FILE}"
        finally:
            server.terminate()


def serve(path: str) -> None:
    Sending.path_of_file = Path(path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Sending)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def quick(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        digest, chance = hashlib.sha256(), random.Random(1)
        with (folder / "source").open("wb") as file:
            for n in range(args.size):
                piece = chance.randbytes(1_000_000) if n else b"GGUF" + chance.randbytes(999_996)
                file.write(piece)
                digest.update(piece)
        rates, cores = [], []
        with sending(folder / "source") as address:
            for n in range(args.rounds):
                source = Source(address, FILE, args.size * 1_000_000, digest.hexdigest())
                fetch = Fetch(source, folder, f"{n}.gguf", Client(read_access({})))
                began, used = time.monotonic(), _processor_seconds()
                path = fetch.run()
                took, worked = time.monotonic() - began, _processor_seconds() - used
                assert path is not None
                path.unlink()
                rates.append(args.size / took)
                cores.append(args.size / worked)
        used = _processor_seconds()
        hashlib.sha256(bytes(200_000_000))
        alone = 200 / (_processor_seconds() - used)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{median(rates):,.0f} MB/s; {median(cores):,.0f} MB for each second of one core (SHA-256 alone: {alone:,.0f});"
    )
    print(f"at most {memory:.0f} MiB resident, this script included")


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=48, help="MB")
    parser.add_argument("--speed", type=float, default=4.0, help="MB a second, of the whole line")
    parser.add_argument("--delay", type=float, default=0.15, help="seconds before each answer")
    parser.add_argument("--breaks", type=float, default=8.0, help="MB after which a connection breaks, on average")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hf", help="the `hf` command of huggingface_hub")
    parser.add_argument("--most", type=float, default=300.0, help="seconds that `hf` may take")
    parser.add_argument("--quick", action="store_true", help="without a limit: MB a second, and what they cost")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        serve(args.serve)
    elif args.quick:
        quick(args)
    else:
        compare(args)


if __name__ == "__main__":
    main()
