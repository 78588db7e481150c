"""Conversions straight from a hub that are killed, cut off, or run out of disk: they end in the same bytes."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from checkpoints import QWEN2_REGEX, bpe, llama_config, llama_tensors, split_then_bytes, write_json
from converting import convert
from sharding import at_random, contents, hub_of, in_order, in_turn, sharded, write_shards

from autoglm_lite.cli import main
from autoglm_lite.commands import streaming
from autoglm_lite.store import publishing
from autoglm_lite.store.download.progress import Patience
from autoglm_lite.store.models import models_dir
from converters import partial
from converters.streaming import work
from converters.streaming.journey import Journey
from tests.store.full_disk import full_at
from tests.store.hub import FakeHub

NAME = "Qwen3-0.6B-FP8"
ARGUMENTS = ["convert", f"hf:org/{NAME}", "-o", "out.gguf", "--threads", "1"]
MEASURED = """
import shutil, sys, types
from pathlib import Path
from autoglm_lite.cli import main
from test_streaming_interrupted import blocks

shutil.disk_usage = lambda _: types.SimpleNamespace(free=int(sys.argv[1]) - blocks(Path()))
code = main(sys.argv[2:])
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
sys.exit(code)
"""
"""On a disk of so many bytes, with the peak of memory in kB."""


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return sharded(NAME, tmp_path, 4, at_random)


@pytest.fixture
def expected(checkpoint: Path, tmp_path: Path) -> bytes:
    return convert(checkpoint, tmp_path / "local.gguf", "Q4_K_M").read_bytes()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PATIENCE", Patience(5.0, 0.01, 0.05, 8))
    # As in a conversion of a thousand times the size.
    monkeypatch.setattr(partial, "NOTE_EVERY", 1 << 18)


@contextmanager
def running(here: Path, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=here,
        env={**os.environ, "PYTHONPATH": os.pathsep.join((root, str(Path(__file__).parent)))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process


def given(hub: FakeHub) -> int:
    return sum(hub.given.values())


def wait_until_given(hub: FakeHub, n_bytes: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while given(hub) < n_bytes and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def kill_again_and_again(hub: FakeHub, here: Path, rounds: int, seed: int) -> None:
    """Each time after another random amount of what is fetched and converted; at last it is let alone."""
    chance = random.Random(seed)
    for _ in range(rounds):
        wanted = given(hub) + chance.randrange(900_000)
        with running(here, "-m", "autoglm_lite", *ARGUMENTS) as process:
            wait_until_given(hub, wanted, process)
            # So that what is done with the bytes is met too.
            time.sleep(chance.choice((0, 0.01, 0.1)))
            process.send_signal(signal.SIGKILL)
        if process.returncode == 0:
            return
        assert not (here / "out.gguf").exists()
    with running(here, "-m", "autoglm_lite", *ARGUMENTS) as process:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors


@pytest.mark.parametrize(("rounds", "seed"), [(3, 1), pytest.param(15, 2, marks=pytest.mark.slow)])
def test_killed_at_random_points(
    rounds: int, seed: int, here: Path, checkpoint: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub_of(checkpoint, monkeypatch) as hub:
        hub.pace = 0.01
        kill_again_and_again(hub, here, rounds, seed)
    assert (here / "out.gguf").read_bytes() == expected
    assert [path.name for path in here.iterdir()] == ["out.gguf"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_says_how_to_go_on(
    number: signal.Signals, here: Path, checkpoint: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub_of(checkpoint, monkeypatch) as hub:
        hub.pace = 0.05
        with running(here, "-m", "autoglm_lite", *ARGUMENTS) as process:
            wait_until_given(hub, 700_000, process)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        assert process.returncode == 130
        assert b"stopped; the same command goes on from here." in errors
        assert b"Traceback" not in errors
        hub.pace, before = 0.0, given(hub)
        assert main(ARGUMENTS) == 0
        total = sum(len(content) for name, content in contents(checkpoint).items() if name.endswith(".safetensors"))
        assert given(hub) - before < total
    assert (here / "out.gguf").read_bytes() == expected


def test_interrupted_at_any_block_it_goes_on_there(
    here: Path, checkpoint: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote, left = Journey.wrote, 0

    def interrupt(journey: Journey, written: int) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        wrote(journey, written)

    monkeypatch.setattr(Journey, "wrote", interrupt)
    with hub_of(checkpoint, monkeypatch):
        for number in (1, 2, 5, 7, 3):
            left = number
            assert main(ARGUMENTS) == 130
            assert not (here / "out.gguf").exists()
        left = 0
        assert main(ARGUMENTS) == 0
    assert (here / "out.gguf").read_bytes() == expected
    assert [path.name for path in here.iterdir()] == ["out.gguf"]


FAULTS = ["cut", "short", "lie", "whole", "expired", "429", "503", "wrong", "page", "hub 503", "hub cut", "api 503"]


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 20))])
def test_a_bad_line(
    seed: int,
    here: Path,
    checkpoint: Path,
    expected: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance = random.Random(seed)
    with hub_of(checkpoint, monkeypatch) as hub:
        hub.faults = [chance.choice(FAULTS) for _ in range(20)]
        for _ in range(25):
            if main(ARGUMENTS) == 0:
                break
            assert not (here / "out.gguf").exists()
            assert capsys.readouterr().err.startswith(("autoglm-lite: ", "hf:org"))
    assert (here / "out.gguf").read_bytes() == expected
    assert [path.name for path in here.iterdir()] == ["out.gguf"]


def test_what_the_makers_change_meanwhile_is_noticed(
    here: Path, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with hub_of(checkpoint, monkeypatch) as hub:
        files = hub.repositories[f"org/{NAME}"]
        last = max(name for name in files if name.endswith(".safetensors"))
        kept = files[last]
        with monkeypatch.context() as patched:
            patched.setattr(streaming, "_write", _interrupted)
            assert main(ARGUMENTS) == 130
        files[last] = kept[:-1] + bytes([kept[-1] ^ 1])
        files["README.md"] = b"---\nlicense: mit\n---\n"
        assert main(ARGUMENTS) == 1
        assert "has no" in capsys.readouterr().err
        assert main(ARGUMENTS) == 0
        (checkpoint / last).write_bytes(files[last])
        (checkpoint / "README.md").write_bytes(files["README.md"])
    assert (here / "out.gguf").read_bytes() == convert(checkpoint, tmp_path / "new.gguf", "Q4_K_M").read_bytes()


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_another_type_later_gives_the_first_up(
    here: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with hub_of(checkpoint, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(Journey, "wrote", _interrupting_after(20))
            assert main(ARGUMENTS) == 130
        assert any(path.suffix == ".part" for path in here.iterdir())
        assert main(["convert", f"hf:org/{NAME}", "--type", "Q8_0"]) == 0
        assert "the interrupted work for another result is given up" in capsys.readouterr().err
    assert [path.name for path in here.iterdir()] == [f"{NAME}-Q8_0.gguf"]
    local = convert(checkpoint, tmp_path / "local8.gguf", "Q8_0")
    assert (here / f"{NAME}-Q8_0.gguf").read_bytes() == local.read_bytes()


def _interrupting_after(n_blocks: int) -> Callable[..., None]:
    left = iter(range(n_blocks))

    def wrote(journey: object, written: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return wrote


@pytest.mark.parametrize("step", [1, 13, 33, 47, *(pytest.param(n, marks=pytest.mark.slow) for n in range(120))])
def test_the_disk_is_full_at_one_moment(
    step: int,
    here: Path,
    checkpoint: Path,
    expected: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "out.gguf").write_bytes(b"GGUF, once")
    with hub_of(checkpoint, monkeypatch):
        with full_at(step) as disk:
            code = main(ARGUMENTS)
        said = capsys.readouterr().err
        if code:
            assert disk.fell
            assert "full" in said or "too little room" in said
            assert (here / "out.gguf").read_bytes() == b"GGUF, once"
            assert main(ARGUMENTS) == 0
    assert (here / "out.gguf").read_bytes() == expected
    assert [path.name for path in here.iterdir()] == ["out.gguf"]


@contextmanager
def small_disk(place: Path, n_bytes: int) -> Iterator[Callable[[int], None]]:
    """A disk of that size at `place`; what is yielded changes it. Skips where none can be made."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={n_bytes}", "none", str(place)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("no disk can be mounted here")

    def resize(n_bytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={n_bytes}", str(place)], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts a small disk")
@pytest.mark.parametrize("n_bytes", [90_112, 1_200_000, 2_100_000])
def test_a_disk_that_becomes_full(
    n_bytes: int,
    tmp_path: Path,
    checkpoint: Path,
    expected: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with small_disk(tmp_path / "disk", n_bytes) as resize, hub_of(checkpoint, monkeypatch):
        monkeypatch.chdir(tmp_path / "disk")
        # Nobody knows beforehand how little there is.
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1 << 40))
        assert main(ARGUMENTS) == 1
        said = capsys.readouterr().err
        assert "full" in said or "too little room" in said
        assert not (tmp_path / "disk" / "out.gguf").exists()
        resize(50_000_000)
        assert main(ARGUMENTS) == 0
        assert (tmp_path / "disk" / "out.gguf").read_bytes() == expected
        monkeypatch.chdir(tmp_path)


def test_too_little_room_is_said_first(
    here: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1_000_000))
    with hub_of(checkpoint, monkeypatch) as hub:
        assert main(ARGUMENTS) == 1
        assert given(hub) < 300_000
    assert "out.gguf and the largest of its shards need" in capsys.readouterr().err
    assert not list(here.iterdir())


def test_a_disk_without_holes_is_refused(
    here: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(work, "disk_bytes", lambda path: path.stat().st_size)
    with hub_of(checkpoint, monkeypatch) as hub:
        assert main(ARGUMENTS) == 1
        assert not hub.asked
    assert "knows no files with holes" in capsys.readouterr().err
    assert not list(here.iterdir())


def test_a_link_in_the_place_of_the_work(
    here: Path, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "elsewhere").mkdir()
    work.work_place(here, f"hf:org/{NAME}").symlink_to(tmp_path / "elsewhere")
    with hub_of(checkpoint, monkeypatch):
        assert main(ARGUMENTS) == 1
    assert "is no folder of yours" in capsys.readouterr().err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_killed_while_it_becomes_a_stored_model(
    here: Path, tmp_path: Path, checkpoint: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path / "home"))
    models_dir().mkdir(parents=True)
    out = models_dir() / "mine.gguf"
    arguments = [*ARGUMENTS[:2], "-o", str(out)]

    def killed(models: Path, whole: Path, manifest: object) -> None:
        whole.chmod(0o444)
        raise KeyboardInterrupt

    with hub_of(checkpoint, monkeypatch):
        with monkeypatch.context() as patched:
            patched.setattr(publishing, "publish", killed)
            assert main(arguments) == 130
        assert not out.exists()
        assert main(arguments) == 0
    assert out.read_bytes() == expected
    assert out.stat().st_mode & 0o777 == 0o444


def test_two_at_once(
    here: Path, checkpoint: Path, expected: bytes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with hub_of(checkpoint, monkeypatch) as hub:
        hub.pace = 0.05
        with running(here, "-m", "autoglm_lite", *ARGUMENTS) as process:
            wait_until_given(hub, 300_000, process)
            assert main(ARGUMENTS) == 1
            assert "the work of another conversion of this model, which goes on" in capsys.readouterr().err
            hub.pace = 0.0
            process.communicate(timeout=60)
        assert process.returncode == 0
    assert (here / "out.gguf").read_bytes() == expected
    assert [path.name for path in here.iterdir()] == ["out.gguf"]


@contextmanager
def watched(folder: Path) -> Iterator[list[int]]:
    """The blocks of the disk that `folder` takes, looked at again and again."""
    found: list[int] = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.002):
            found.append(blocks(folder))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield found
    finally:
        ended.set()
        watcher.join()


def blocks(folder: Path) -> int:
    """Bytes of the disk that all in it takes."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(place, name).lstat().st_blocks * 512
    return total


def larger(folder: Path) -> Path:
    """A checkpoint of 28 MB."""
    folder.mkdir()
    config = llama_config(hidden_size=512, intermediate_size=1024, num_hidden_layers=6)
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer.json", bpe(split_then_bytes(QWEN2_REGEX), ["<|endoftext|>"]))
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|endoftext|>"})
    write_shards(folder, llama_tensors(config, "BF16"), 4, in_order)
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="counts blocks, and kilobytes of memory")
@pytest.mark.parametrize("experts", [False, True])
def test_peak_of_disk_and_memory(experts: bool, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The experts of each layer are spread over all shards.
    folder = sharded("Qwen3-30B-A3B", tmp_path, 4, in_turn) if experts else larger(tmp_path / "larger")
    largest = max(path.stat().st_size for path in folder.glob("*.safetensors"))
    expected = convert(folder, tmp_path / "local.gguf", "Q8_0")
    # There is no room for a second shard.
    free = largest + expected.stat().st_size + 150_000_000
    command = ["-c", MEASURED, str(free), "convert", f"hf:org/{folder.name}", "--type", "Q8_0", "-o", "out.gguf"]
    with hub_of(folder, monkeypatch) as hub, watched(here) as taken:
        hub.pace = 0.001
        with running(here, *command) as process:
            out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert (here / "out.gguf").read_bytes() == expected.read_bytes()
    assert largest < max(taken) < largest + expected.stat().st_size + 1_000_000
    assert int(out.splitlines()[-1]) * 1024 < 300_000_000
