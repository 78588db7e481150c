"""Conversions that are interrupted, gone on with, or meet another under the same name."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from checkpoints import STORIES, big_checkpoint
from converting import plan

from autoglm_lite.cli import main
from autoglm_lite.errors import ConversionError
from converters import partial
from converters.conversion import Resources, write_conversion


def _interrupt(source: Path, here: Path, number: signal.Signals, *options: str) -> tuple[int, bytes]:
    """Starts a conversion and stops it while data is written, not before."""
    command = [sys.executable, "-m", "autoglm_lite", "convert", str(source), "-o", "out.gguf", "--type", "Q8_0"]
    root = str(Path(__file__).parents[2])
    with subprocess.Popen(
        [*command, "--threads", "1", *options], cwd=here, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > 5_000_000 for part in here.glob(".*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGHUP, 130)])
def test_interrupted_leaves_nothing(number: signal.Signals, code: int, here: Path, tmp_path: Path) -> None:
    source = big_checkpoint(tmp_path, 1_000_000, 1024)
    ended, errors = _interrupt(source, here, number)
    assert ended == code
    assert b"Traceback" not in errors
    assert not list(here.iterdir())


def _stop_after(n_blocks: int) -> Callable[[int, int], None]:
    left = iter(range(n_blocks - 1))

    def stop(done: int, total: int) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_resumed_work_ends_in_the_same_bytes(
    number: signal.Signals, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = big_checkpoint(tmp_path, 40_000, 1024)
    assert main(["convert", str(source), "-o", "whole.gguf", "--type", "Q8_0"]) == 0
    whole = (here / "whole.gguf").read_bytes()
    (here / "whole.gguf").unlink()
    conversion = plan(source, "Q8_0")
    out = here / "out.gguf"
    # Every 1 MB is noted, and the work is stopped after that many blocks.
    monkeypatch.setattr(partial, "NOTE_EVERY", 1 << 20)
    for stop in (3, 20, 40):
        with pytest.raises(KeyboardInterrupt):
            write_conversion(conversion, out, Resources(1), _stop_after(stop), resume=True)
        assert sorted(path.suffix for path in here.iterdir()) == [".json", ".part"]
        if number is signal.SIGKILL:
            # Nothing was said at the end, and the last bytes are of a tensor that is not whole.
            part, _ = partial.places(out)
            with part.open("ab") as file:
                file.write(b"half a tensor")
    first: list[int] = []
    write_conversion(conversion, out, Resources(1), lambda done, total: first.append(done), resume=True)
    assert first[0] > 1 << 20
    assert list(here.iterdir()) == [out]
    assert out.read_bytes() == whole


def test_what_has_changed_is_not_resumed(here: Path, tmp_path: Path) -> None:
    source, out = big_checkpoint(tmp_path, 20_000, 1024), here / "out.gguf"

    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_conversion(plan(source, "Q8_0"), out, Resources(1), stop, resume=True)
    os.utime(source / "model.safetensors")
    first: list[int] = []
    conversion = plan(source, "Q8_0")
    write_conversion(conversion, out, Resources(1), lambda done, total: first.append(done), resume=True)
    assert first[0] < conversion.nbytes // 2
    assert list(here.iterdir()) == [out]


def test_the_room_of_an_earlier_attempt_counts_as_free(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, _ = partial.places(here / "out.gguf")
    part.write_bytes(bytes(200_000))
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=100_000))
    assert main(["convert", str(STORIES), "-o", "out.gguf"]) == 0
    assert list(here.iterdir()) == [here / "out.gguf"]
    assert main(["convert", str(STORIES), "-o", "out.gguf"]) == 1


def test_a_note_is_not_believed_of_another_attempt(here: Path) -> None:
    out = here / "out.gguf"
    with pytest.raises(KeyboardInterrupt), partial.partial_file(out, "first", True) as first:
        first.file.write(b"first")
        first.finished(1)
        raise KeyboardInterrupt
    part, note = partial.places(out)
    assert note.exists()
    # What is killed here, with as many bytes, must not be gone on with as the first.
    with pytest.raises(RuntimeError), partial.partial_file(out, "second", False):
        assert part.stat().st_size == 0
        assert not note.exists()
        raise RuntimeError


def test_the_result_of_another_conversion_is_not_overwritten(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, _ = partial.places(here / "out.gguf")
    part.write_bytes(b"GGUF")
    truth = os.open

    def late(*args: Any, **more: Any) -> int:
        fd = truth(*args, **more)
        # The other conversion is done between our opening of its file and our lock.
        part.replace(here / "out.gguf")
        return fd

    monkeypatch.setattr(os, "open", late)
    with pytest.raises(ConversionError, match="is being written by another"):  # noqa: SIM117
        with partial.partial_file(here / "out.gguf", "", False):
            pass
    assert (here / "out.gguf").read_bytes() == b"GGUF"


def test_a_link_in_the_place_of_the_growing_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part, _ = partial.places(here / "out.gguf")
    (here / "letter.txt").write_text("dear")
    part.symlink_to("letter.txt")
    assert main(["convert", str(STORIES), "-o", str(here / "out.gguf")]) == 1
    assert ".part is a link, which is not followed" in capsys.readouterr().err
    assert (here / "letter.txt").read_text() == "dear"


def test_two_conversions_to_one_name(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with partial.partial_file(here / "out.gguf", "", False) as first:
        assert main(["convert", str(STORIES), "-o", "out.gguf"]) == 1
        assert "is being written by another conversion" in capsys.readouterr().err
        first.file.write(b"GGUF")
    assert (here / "out.gguf").read_bytes() == b"GGUF"
