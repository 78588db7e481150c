"""In control groups with less memory than a model needs, the program does what its plan said and is never killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")

pytestmark = pytest.mark.slow


class Group:
    """A memory cgroup of v1 or v2 that commands are run in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.v2 = folder.parent == V2

    def limit(self, n_bytes: int) -> None:
        (self.folder / ("memory.max" if self.v2 else "memory.limit_in_bytes")).write_text(str(n_bytes))
        if self.v2:
            (self.folder / "memory.swap.max").write_text("0")

    def killed(self) -> int:
        text = (self.folder / ("memory.events" if self.v2 else "memory.oom_control")).read_text()
        match = re.search(r"^oom_kill (\d+)$", text, re.MULTILINE)
        assert match
        return int(match[1])

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        # Pages of the file that were read outside are not charged to the group.
        os.sync()
        Path("/proc/sys/vm/drop_caches").write_text("3")
        enter = f'echo $$ > "{self.folder}/cgroup.procs" && exec "$@"'
        program = [sys.executable, "-m", "autoglm_lite", *command]
        return subprocess.run(
            ["sh", "-c", enter, "sh", *program], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
        )


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    parent = V1 if V1.is_dir() else V2
    folder = parent / f"autoglm-lite-test-{os.getpid()}"
    try:
        folder.mkdir()
        found = Group(folder)
        found.limit(1 << 30)
        assert os.access("/proc/sys/vm/drop_caches", os.W_OK)
    except (OSError, AssertionError):
        with suppress(OSError):
            folder.rmdir()
        pytest.skip("memory cgroups cannot be made here")
    yield found
    end = monotonic() + 10
    while folder.exists() and monotonic() < end:
        with suppress(OSError):
            folder.rmdir()
        sleep(0.1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """368 MB in Qwen2.5-0.5B's shape, of which this processor may repack most."""
    path = tmp_path_factory.mktemp("models") / "model.gguf"
    script = ROOT / "benchmarks/make_model.py"
    subprocess.run([sys.executable, str(script), str(path), "--shape", "0.5b", "--type", "Q4_0"], check=True)
    return path


@pytest.fixture(scope="module")
def need(model: Path) -> int:
    """Bytes, where there is plenty."""
    command = [sys.executable, "-m", "autoglm_lite", "plan", str(model), "--json", "--memory", "8GB"]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return int(json.loads(said.stdout)["predicted_bytes"]["resident_total"])


def plan_in(group: Group, *arguments: str) -> dict[str, Any]:
    found = group.run("plan", *arguments, "--json")
    plan: dict[str, Any] = json.loads(found.stdout)
    assert found.returncode == (1 if plan["verdict"] == "wont-fit" else 0)
    return plan


@pytest.mark.parametrize(
    ("share", "verdicts"),
    [
        (0.5, {"wont-fit"}),
        (0.7, {"wont-fit", "streams"}),
        (0.85, {"streams"}),
        (1.0, {"tight", "streams"}),
        (1.5, {"fits"}),
    ],
)
def test_it_refuses_streams_or_fits_as_it_said(
    group: Group, model: Path, need: int, share: float, verdicts: set[str]
) -> None:
    group.limit(int(need * share))
    plan = plan_in(group, str(model))
    assert plan["verdict"] in verdicts
    assert plan["available_bytes"] <= need * share
    answer = group.run("chat", str(model), "-p", "hello", "--max-tokens", "4", "--json")
    assert group.killed() == 0
    if plan["verdict"] == "wont-fit":
        assert answer.returncode == 1
        assert re.search(r"needs about \d+ MB of memory and \d+ MB are free", answer.stderr)
        return
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["usage"]["completion_tokens"] == 4
    assert ("read from the disk all the time" in answer.stderr) == (plan["verdict"] == "streams")


def test_what_is_suggested_instead_runs(group: Group, model: Path, need: int) -> None:
    group.limit(int(1.3 * need))
    plan = plan_in(group, str(model), "--ctx", "32768")
    assert plan["verdict"] == "wont-fit"
    commands = [suggestion["command"] for suggestion in plan["suggestions"]]
    program, subcommand, *options = commands[0].split()
    assert (program, subcommand) == ("autoglm-lite", "chat")
    answer = group.run("chat", *options, "-p", "hello", "--max-tokens", "2")
    assert answer.returncode == 0, answer.stderr
    assert group.killed() == 0
