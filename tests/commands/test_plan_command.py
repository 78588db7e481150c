"""`autoglm-lite plan` as a user runs it: the page, the JSON, and what it does not touch."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoglm_lite.cli import main
from autoglm_lite.commands import bandwidth
from autoglm_lite.commands.plan import BAR_WIDTH, bar
from autoglm_lite.commands.remembered import remembered
from autoglm_lite.paths import cache_dir
from autoglm_lite.planning.memory import Predicted
from tests.commands.test_cli_start import imported_by
from tests.gguf.tiny import U32, llama, single, text

KEYS = {"verdict", "reasons", "n_ctx", "kv_type", "load_mode", "repack", "gpu_layers", "threads", "n_ubatch"}
KEYS |= {"predicted_bytes", "available_bytes", "expected", "suggestions"}
PARTS = ("mapped", "repacked", "kv", "compute", "process")

EXPECTED = {"prefill_tokens_per_second", "decode_tokens_per_second", "first_token_seconds", "load_seconds"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return llama().write(tmp_path / "tiny.gguf")


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, str]:
    code = main(["plan", *map(str, arguments)])
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def test_the_object(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, model, "--json", "--ctx", "100", "--kv-type", "f32", "--threads", "1", "--memory", "2GB")
    found = json.loads(out)
    assert code == 0
    assert set(found) >= KEYS
    assert (found["verdict"], found["n_ctx"], found["kv_type"], found["threads"]) == ("fits", 100, "f32", 1)
    assert (found["load_mode"], found["repack"], found["gpu_layers"]) == ("mmap", True, 0)
    assert found["available_bytes"] == 2 * 10**9
    predicted = found["predicted_bytes"]
    assert predicted["devices"] == {}
    assert predicted["resident_total"] == sum(predicted[part] for part in PARTS)
    assert set(found["expected"]) == EXPECTED
    assert found["suggestions"] == []


def test_the_page_fits_a_narrow_terminal(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, model, "--memory", "2GB")
    assert code == 0
    assert out.startswith("Tiny llama, F16, a file of ")
    assert "Fits: " in out
    assert max(map(len, out.splitlines())) <= 80
    assert out.isascii()
    assert "\x1b" not in out


def test_what_will_not_fit_is_said_on_the_page(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, model, "--memory", "10MB")
    assert code == 1
    assert "Will not fit: " in out
    command = re.findall(r"^    autoglm-lite chat \S+ --memory (\d+)$", out, re.MULTILINE)
    assert len(command) == 1
    assert run(capsys, model, "--memory", command[0])[0] == 0
    code, out = run(capsys, model, "--memory", "10MB", "--json")
    assert (code, json.loads(out)["verdict"]) == (1, "wont-fit")


def test_a_model_that_would_do_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = llama()
    tiny.drop("llama.context_length")
    tiny.entries.append(single("llama.context_length", U32, 1 << 26))
    path = tiny.write(tmp_path / "m.gguf")
    code, out = run(capsys, path, "--ctx", str(1 << 26), "--memory", "2GB", "--json")
    assert code == 1
    last = json.loads(out)["suggestions"][-1]
    assert last["command"] is None
    assert last["what"].startswith("A model for this much memory: ")
    assert "(hf:" in last["what"]


def test_a_profile_that_was_asked_for_is_in_what_is_suggested(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out = run(capsys, model, "--memory", "10MB", "--profile", "laptop-4gb", "--json")
    commands = [suggestion["command"] or "" for suggestion in json.loads(out)["suggestions"]]
    assert any(command.endswith(" --profile laptop-4gb") for command in commands)


def test_where_each_value_comes_from(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run(capsys, model, "--json", "--ctx", "100", "--profile", "laptop-4gb")[1])
    assert (found["tuned"], found["profile"]) == (False, "laptop-4gb")
    assert found["origins"]["n_ctx"] == "asked"
    assert (found["n_ubatch"], found["origins"]["n_ubatch"]) == (256, "profile")
    assert found["saving"]["nice"] == 10
    page = run(capsys, model, "--profile", "laptop-4gb")[1]
    assert "Micro-batch of 256 tokens: profile laptop-4gb." in page


def test_wrong_usage(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(model), "--ctx", "0"]) == 2
    assert "--ctx 0 makes no sense" in capsys.readouterr().err


def test_a_name_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = llama()
    tiny.drop("general.name")
    tiny.entries.append(text("general.name", "evil\x1b[2J\nname"))
    _, out = run(capsys, tiny.write(tmp_path / "m.gguf"))
    assert "\x1b" not in out
    assert out.startswith("evil[2J name, ")


@pytest.mark.parametrize("name", ["a" * 100, "智" * 100], ids=["latin", "chinese"])
def test_a_long_name_leaves_room_for_the_rest(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny = llama()
    tiny.drop("general.name")
    tiny.entries.append(text("general.name", name))
    first = run(capsys, tiny.write(tmp_path / "m.gguf"))[1].splitlines()[0]
    assert first.startswith(f"{name[: 40 if name.isascii() else 20]}..., F16, a file of ")


def test_nothing_native_is_loaded(model: Path) -> None:
    code, modules, _ = imported_by("plan", str(model), "--json")
    assert code == 0
    assert not {"llama_cpp", "textual", "jinja2", "autoglm_lite.native"} & modules


counts = st.integers(0, 10**10)


@given(counts, counts, counts, counts, counts, counts)
def test_the_bar_has_one_length(mapped: int, repacked: int, kv: int, compute: int, process: int, free: int) -> None:
    needed = Predicted(mapped, repacked, kv, compute, process)
    line = bar(needed, free, colour=False)
    short = needed.resident_total > free
    assert len(line) == BAR_WIDTH + 2 + short
    assert line.count("|") == short
    assert list(line.strip("[]").replace("|", "")) == sorted(line.strip("[]").replace("|", ""), key="WRKCP.".index)


def test_the_bandwidth_is_measured_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bandwidth, "BUFFER_BYTES", bandwidth.LEAST_BUFFER_BYTES)
    monkeypatch.setattr(bandwidth, "SECONDS", 0.0)
    plenty = 10**10
    first = bandwidth.memory_bandwidth(1, plenty)
    assert first is not None
    assert first > 10**8
    path = cache_dir() / "bandwidth.json"
    now = time.time()
    path.write_text(json.dumps({"1": [5, now]}))
    assert bandwidth.memory_bandwidth(1, plenty) == 5
    assert bandwidth.memory_bandwidth(2, plenty) != 5
    # What is known of one thread stays when two are measured.
    assert bandwidth.memory_bandwidth(1, plenty) == 5
    for unusable in ("", "[]", '{"1": 5}', f'{{"1": ["x", {now}]}}', f'{{"1": [-5, {now}]}}', f'{{"1": [{now}]}}'):
        path.write_text(unusable)
        assert (bandwidth.memory_bandwidth(1, plenty) or 0) > 10**8
    path.write_text(json.dumps({"1": [5, now - 25 * 3600]}))
    assert bandwidth.memory_bandwidth(1, plenty) != 5


def test_the_bandwidth_is_measured_in_a_process_apart() -> None:
    measured = bandwidth.memory_bandwidth_apart(1, 10**9)
    assert measured is not None
    assert measured > 10**8
    assert remembered(bandwidth.FILE, "1") == measured
    assert bandwidth.memory_bandwidth_apart(1, 10**9) == measured
    assert bandwidth.memory_bandwidth_apart(2, 1000) is None


def test_without_memory_to_spare_nothing_is_measured() -> None:
    assert bandwidth.memory_bandwidth(1, 10**8) is None
