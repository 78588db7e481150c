"""Eight processes get, convert, list, import, verify and remove the same model: one valid copy or none, always."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import models_dir
from tests.conftest import STORIES, convert
from tests.store.hub import FakeHub, serving
from tests.store.racing import NAME, OTHER_NAME, REFERENCE

N_PROCESSES, ROUNDS, KILLS = 8, 100, 6
SECONDS = 300.0
"""Far more than it takes."""
ROOT = Path(__file__).parent.parent.parent
EXPECTED = (
    "No stored model is called",
    "There is no file",
    "cannot be removed (No such file",
    "cannot be read: No such file",
    "is stored already, as the model",
    "Another autoglm-lite is getting",
    "Another model is called",
    "is being written by another conversion",
    "holds the work of another conversion of this model",
    "cannot be used: No such file",
)
"""What may be said of a model that another process gets or removes this moment."""


@pytest.mark.slow
def test_one_valid_copy_or_none(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tmp_path / "stories"
    shutil.copytree(STORIES, checkpoint)
    content = convert(checkpoint, tmp_path / "elsewhere.gguf").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    monkeypatch.setenv("HF_TOKEN_PATH", "/nonexistent/token")
    path = models_dir() / f"{NAME}.gguf"
    seen: Counter[bool] = Counter()
    files = {one.name: one.read_bytes() for one in STORIES.iterdir()}
    with serving(FakeHub({"org/stories-GGUF": {f"{NAME}.gguf": content}, "org/stories": files})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        racing = [Racer(number, checkpoint) for number in range(N_PROCESSES)]
        chance, killed, ends = random.Random(5), 0, time.monotonic() + SECONDS
        while any(racer.process.poll() is None for racer in racing):
            assert time.monotonic() < ends, "they wait for each other"
            seen[is_valid(path, digest)] += 1
            is_valid(path.with_stem(OTHER_NAME), digest)
            if killed < KILLS and seen.total() % 40 == 0:
                chance.choice([racer for racer in racing if racer.process.poll() is None]).kill()
                killed += 1
                racing.append(Racer(N_PROCESSES + killed, checkpoint))
            time.sleep(0.01)
        told = [one for racer in racing for one in racer.told()]
        strange = [one for one in told if one[1] and not (one[1] == 1 and any(words in one[2] for words in EXPECTED))]
        assert strange == []
        done = Counter(action for action, code, _ in told if code == 0)
        assert min(done[action] for action in ("pull", "convert", "import", "rm", "list", "verify", "gc")) > 0, done
        assert seen[True] > 0
        assert killed == KILLS
        # Nothing that was left by those that were killed is in the way.
        for one in models_dir().glob("*.gguf"):
            assert is_valid(one, digest)
            assert main(["models", "rm", "--yes", one.stem]) == 0
        assert main(["pull", "--yes", REFERENCE]) == 0
    assert is_valid(path, digest)
    found = read_manifest(models_dir(), NAME)
    assert found is not None
    assert found.file.sha256 == digest
    assert main(["models", "verify"]) == 0
    assert [one.name for one in models_dir().glob("*.gguf")] == [path.name]


class Racer:
    def __init__(self, seed: int, checkpoint: Path) -> None:
        self._log = checkpoint.parent / f"{seed}.log"
        self._killed = False
        command = [sys.executable, "-m", "tests.store.racing", str(seed), str(ROUNDS), str(checkpoint)]
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT, env=environ)

    def kill(self) -> None:
        self._killed = True
        self.process.kill()
        self.process.wait()

    def told(self) -> Iterator[tuple[str, int, str]]:
        """Each thing that was done: which, the exit code, and what was said of it."""
        lines = self._log.read_text().splitlines()
        if self._killed:
            lines = lines[:-1]
        else:
            assert self.process.returncode == 0, lines[-3:]
            assert len(lines) == ROUNDS
        for line in lines:
            arguments, code, said = json.loads(line)
            yield arguments[arguments[0] == "models"], code, said


def is_valid(path: Path, digest: str) -> bool:
    """False where there is none; what is there has to be whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return False
    assert hashlib.sha256(content).hexdigest() == digest
    return True
