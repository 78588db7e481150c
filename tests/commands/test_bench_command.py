"""`autoglm-lite bench` as a user runs it, with the real worker."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.cli import main

SHORT = ("bench", "--prompt-tokens", "48", "--gen-tokens", "8", "--repeat", "1")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_starter_is_measured(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    code, out, _ = run(capsys, *SHORT, "--ctx", "512", "--threads", "1", "--json")
    found = json.loads(out)
    assert code == 0
    for name in ("prefill_tokens_per_second", "decode_tokens_per_second", "resident_bytes", "anonymous_bytes"):
        assert found[name] > 0
    first = found["first_token_seconds"]
    assert first["cold"] > 0
    assert first["warm"] > 0
    assert (first["disk"] is None) == (found["disk_note"] is not None)
    assert 0 < found["between_tokens_ms"]["median"] <= found["between_tokens_ms"]["p99"]
    assert [at["depth"] for at in found["depths"]] == [0]
    assert found["depths_left_out"] == []
    assert found["plan"]["n_ctx"] == 512
    assert found["machine"]["physical_cores"] >= 1
    assert (found["prompt_tokens"], found["gen_tokens"], found["repeat"]) == (48, 8, 1)
    # What was kept meanwhile is removed, and nothing is among the user's own states.
    assert [path.name for path in (home / "cache").iterdir() if path.is_dir()] == []


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, *SHORT, "--threads", "1")
    assert code == 0
    assert "of the memory bandwidth" in out
    assert "when only the last message is new" in out
    assert "Medians of 1: a prompt of 48 tokens, of a known one the last 12 are new, and 8 written." in out
    assert "\x1b" not in out + err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--repeat", "0"], "--repeat 0 makes no sense"),
        (["--prompt-tokens", "600", "--ctx", "512"], "more than the context of 512 tokens holds"),
    ],
)
def test_what_makes_no_sense_is_refused(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "bench", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_what_does_not_fit_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "bench", "--memory", "20MB")
    assert (code, out) == (1, "")
    assert "needs about" in err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(number: signal.Signals, home: Path, endless_gguf: Path) -> None:
    command = [sys.executable, "-m", "autoglm_lite", "bench", str(endless_gguf), "--ctx", "32000"]
    process = subprocess.Popen(
        [*command, "--prompt-tokens", "20000"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    # It tells how far it is every few seconds.
    assert "measuring" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "Traceback" not in err
    assert [path.name for path in (home / "cache").glob("*")] == []
