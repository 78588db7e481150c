"""`autoglm-lite imatrix` and `autoglm-lite perplexity` as a user runs them."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands.measuring import termination_as_interrupt
from autoglm_lite.gguf.importance import read_importance
from tests.engine.forward import as_f32
from tests.gguf.tiny import llama, mixtral, qwen3, strings

DATA = Path(__file__).parents[1] / "data" / "imatrix"
TEXT = DATA / "text.txt"
FAST = ["--threads", "1", "--ctx", "128"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return as_f32(llama()).write(tmp_path / "tiny.gguf")


@pytest.fixture
def quantised(tmp_path: Path) -> Path:
    return llama().write(tmp_path / "quantised.gguf")


@pytest.fixture
def long_text(tmp_path: Path) -> Path:
    path = tmp_path / "long.txt"
    path.write_text(TEXT.read_text(encoding="utf-8") * 3000, encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_matrix_is_written(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "m.gguf"
    code, said, _ = run(capsys, "imatrix", model, TEXT, "-o", out, *FAST)
    assert code == 0
    assert said.startswith(f"{out}: 14 tensors, 3 chunks of 128 tokens, in ")
    found = read_importance(out)
    assert (found.datasets, found.n_chunks) == ((str(TEXT),), 3)
    recorded = read_importance(DATA / "llama.imatrix.gguf")
    assert {name: values.shape for name, values in found.weights.items()} == {
        name: values.shape for name, values in recorded.weights.items()
    }
    # Again, over the old one, and as JSON.
    code, said, _ = run(capsys, "imatrix", model, TEXT, "-o", out, "--json", *FAST)
    report = json.loads(said)
    assert (code, report["output"], report["chunks"], report["tensors"]) == (0, str(out), 3, 14)
    assert report["seconds"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "m.gguf", "tiny.gguf"]


def test_experts_that_no_token_reached_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = mixtral()
    # All tokens prefer the first two experts.
    tiny.tensor("blk.0.ffn_gate_inp.weight").data = bytes(64 * 4 * 4)
    code, _, warned = run(capsys, "imatrix", tiny.write(tmp_path / "t.gguf"), TEXT, "-o", tmp_path / "m.gguf", *FAST)
    assert code == 0
    assert "No token of the text went through 6 of 24 experts' matrices" in warned


def test_perplexity_is_printed(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "perplexity", model, TEXT, "--json", *FAST)
    report = json.loads(said)
    assert code == 0
    assert report["perplexity"] == pytest.approx(648.2936, rel=2e-3)
    assert report["error"] == pytest.approx(70.3662, rel=5e-3)
    assert (report["tokens"], report["chunks"], report["n_ctx"]) == (189, 3, 128)
    assert "against" not in report
    _, said, _ = run(capsys, "perplexity", model, TEXT, *FAST)
    assert said.startswith(f"perplexity  {report['perplexity']:.4f} ± ")
    assert said.endswith("189 counted, 3 chunks of 128\n")


def test_divergence_is_printed(model: Path, quantised: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = run(capsys, "perplexity", quantised, TEXT, "--against", model, "--json", *FAST)
    against = json.loads(said)["against"]
    assert code == 0
    assert against["mean_kld"] == pytest.approx(0.006414, rel=0.05)
    assert {"mean_kld_error", "median_kld", "kld_99", "max_kld", "same_top", "base_perplexity", "ratio"} <= set(against)
    assert list((home / "cache").iterdir()) == []
    _, said, _ = run(capsys, "perplexity", quantised, TEXT, "--against", model, *FAST)
    assert f"KL divergence, mean        {against['mean_kld']:.6f} ± " in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfe caf\xe9", "no text in UTF-8"),
        (b"a\0b", "is a binary file"),
        (b"short", "give a longer text"),
        (b"a" * 8_000_001, "larger than 8 MB"),
        (None, "There is no file"),
    ],
)
@pytest.mark.parametrize("command", ["imatrix", "perplexity"])
def test_texts_that_cannot_be_read(
    command: str, content: bytes | None, said: str, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text"
    if content is not None:
        text.write_bytes(content)
    output = ["-o", str(tmp_path / "m.gguf")] if command == "imatrix" else []
    code, out, err = run(capsys, command, model, text, *output, *FAST)
    assert (code, out, err.count("\n")) == (2 if content == b"short" else 1, "", 1)
    assert said in err
    assert not (tmp_path / "m.gguf").exists()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--ctx", "5"], 2, "--ctx 5 makes no sense"),
        (["--ctx", "129"], 2, "more than the 128 tokens"),
        (["--threads", "0"], 2, "--threads 0"),
        (["--against", "other.gguf"], 2, "different vocabularies (271 and 264 tokens)"),
        (["--against", "renamed.gguf"], 2, "another vocabulary"),
        (["--against", "missing.gguf"], 1, "no file"),
        (["--against", str(TEXT)], 1, "not a GGUF model"),
    ],
)
def test_wishes_that_cannot_be_met(
    arguments: list[str],
    code: int,
    said: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    qwen3().write(tmp_path / "other.gguf")
    renamed = llama()
    tokens = [b"<unk>", b"<s>", b"</s>", *(b"<0x%02X>" % byte for byte in range(256)), *(b"x%d" % i for i in range(12))]
    renamed.put(strings("tokenizer.ggml.tokens", tokens))
    renamed.write(tmp_path / "renamed.gguf")
    found, out, err = run(capsys, "perplexity", model, TEXT, *arguments)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert said in err


def test_what_is_no_matrix_is_not_replaced(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = model.read_bytes()
    code, _, err = run(capsys, "imatrix", model, TEXT, "-o", model, *FAST)
    assert (code, model.read_bytes()) == (1, before)
    assert "is not replaced" in err
    assert run(capsys, "imatrix", model, TEXT, "-o", tmp_path, *FAST)[0] == 1
    code, _, err = run(capsys, "imatrix", model, TEXT, "-o", tmp_path / "missing" / "m.gguf", *FAST)
    assert code == 1
    assert "cannot be written" in err
    (tmp_path / "empty.gguf").touch()
    assert run(capsys, "imatrix", model, TEXT, "-o", tmp_path / "empty.gguf", *FAST)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("command", ["imatrix", "perplexity"])
def test_stopped_it_leaves_nothing(
    command: str, number: signal.Signals, model: Path, quantised: Path, long_text: Path, home: Path
) -> None:
    folder = model.parent
    options = ["-o", str(folder / "m.gguf")] if command == "imatrix" else ["--against", str(quantised)]
    process = subprocess.Popen(
        [sys.executable, "-m", "autoglm_lite", command, str(model), str(long_text), *options, *FAST],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    worker = _worker_of(process.pid)
    time.sleep(1.0)
    process.send_signal(number)
    # A shell and a program between may both send it.
    time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert not (folder / "m.gguf").exists()
    assert not list(folder.glob(".*"))
    cache = home / "cache"
    assert not cache.exists() or list(cache.iterdir()) == []


def _worker_of(pid: int) -> int:
    """The child that computes, once there is one."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    if not children.exists():
        pytest.skip("this system does not tell a process's children")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if found := children.read_text().split():
            return int(found[0])
        time.sleep(0.02)
    raise TimeoutError


def test_a_full_disk_leaves_the_old_matrix(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.gguf"
    before = (DATA / "llama.imatrix.gguf").read_bytes()
    out.write_bytes(before)

    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    code, said, err = run(capsys, "imatrix", model, TEXT, "-o", out, *FAST)
    assert (code, said) == (1, "")
    assert "No space left" in err
    assert out.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_the_caller_s_signal_handlers_come_back(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with termination_as_interrupt():
        within = signal.getsignal(signal.SIGTERM)
        assert run(capsys, "perplexity", model, TEXT, *FAST)[0] == 0
        assert signal.getsignal(signal.SIGTERM) is within
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)
    assert [signal.getsignal(number) for number in numbers] == before
