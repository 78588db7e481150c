"""Two hundred downloads over a line that does everything wrong: the right bytes or nothing, and nothing twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from autoglm_lite.store.download import PARTIAL, Patience, Source
from autoglm_lite.store.hub.failures import DownloadError
from tests.store.download.driving import FILE, NAME, REPO, asked_again, fetching, kept, noted, source_of
from tests.store.hub import FakeHub, serving
from tests.store.hub.signing import signed

N_DOWNLOADS = 200
PATIENCE = Patience(stall=0.15, first=0.001, most=0.004, attempts=3)
AT_THE_STORE = ["cut", "reset", "short", "slow", "lie", "wrong", "whole", "expired", "gzip", "chunked", "page"]
STATUSES = ["403", "404", "416", "429", "500", "502", "503"]
AT_THE_HUB = ["hub 403", "hub 404", "hub 429", "hub 500", "hub silent", "hub circle", "hub elsewhere", "hub cut"]
LONG = ["stall", "mute"]
"""They take as long as our patience, so they are rare."""
KILLED = Path(__file__).parent / "killed.py"


def one(seed: int) -> tuple[str, int]:
    """How it ended, and how often it was gone on with."""
    chance = random.Random(seed)
    content = b"GGUF" + chance.randbytes(chance.randrange(60_000, 400_000))
    with serving(FakeHub({REPO: {FILE: content}})) as hub, folder_for(seed) as folder:
        kinds = chance.choices([AT_THE_STORE, STATUSES, AT_THE_HUB, LONG], [60, 20, 14, 6], k=chance.randrange(8))
        hub.faults = [chance.choice(kind) for kind in kinds]
        hub.pace = chance.choice([0.0, 0.0, 0.002, 0.01])
        told, plain = chance.random() < 0.5, chance.random() < 0.2
        source = Source(signed(hub, REPO, FILE), "A Model", None, None) if plain else source_of(hub, told=told)
        if plain or (not told and "hub silent" in hub.faults):
            # Nobody says which bytes are the right ones.
            hub.faults = [fault for fault in hub.faults if fault != "wrong"]
        spoiled, n_runs = "wrong" in hub.faults, 0
        while True:
            before = noted(folder)
            hub.asked.clear()
            killed = seed % 20 == 0 and n_runs == 0
            outcome = run_killed(source, folder, hub, chance) if killed else run(hub, folder, source, chance)
            assert asked_again(hub, before, len(content)) == [], seed
            n_runs += 1
            if outcome == "whole":
                assert (folder / NAME).read_bytes() == content, seed
                if not killed:
                    assert [path.name for path in (folder / PARTIAL).iterdir()] == []
                return outcome, n_runs
            # Nothing of that name, and what is noted is right, but for a wrong byte that the hub has sent.
            assert not (folder / NAME).exists(), seed
            for begin, end in noted(folder):
                assert spoiled or kept(folder)[begin:end] == content[begin:end], seed
            if outcome not in ("stopped", "killed") and (n_runs > 2 or chance.random() < 0.3):
                return outcome, n_runs


def run(hub: FakeHub, folder: Path, source: Source, chance: random.Random) -> str:
    fetch = fetching(hub, folder, source, PATIENCE)
    stopped = chance.random() < 0.3
    if stopped:
        threading.Timer(chance.random() * 0.1, fetch.stop).start()
    try:
        path = fetch.run()
    except DownloadError as error:
        return error.kind
    assert path is not None or stopped
    return "stopped" if path is None else "whole"


def run_killed(source: Source, folder: Path, hub: FakeHub, chance: random.Random) -> str:
    """In a process of its own, which is killed once some of it has come."""
    hub.pace = 0.02
    command = [sys.executable, str(KILLED), source.address, str(folder), NAME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 6)):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    return "whole" if (folder / NAME).exists() else "killed"


@contextmanager
def folder_for(seed: int) -> Iterator[Path]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix=f"faulty-{seed}-") as name:
        yield Path(name)


def test_the_right_bytes_or_nothing_and_nothing_twice() -> None:
    with ThreadPoolExecutor(8) as pool:
        ended = list(pool.map(one, range(N_DOWNLOADS)))
    ways = [way for way, _ in ended]
    assert len(ways) == N_DOWNLOADS
    assert 100 < ways.count("whole") < N_DOWNLOADS
    assert len(set(ways)) > 4
    assert sum(n_runs for _, n_runs in ended) > N_DOWNLOADS
