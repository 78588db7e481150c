"""`autoglm-lite doctor` as a user runs it, here."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands.doctor import page
from autoglm_lite.doctor import SEVERITIES, diagnose
from tests.doctor.machines import desktop, survey, two_cores
from tests.hardware.state import modules, swaps

LOADED = """
import sys
from autoglm_lite.cli import main
assert main(["doctor"]) == 0
assert not {"llama_cpp", "numpy", "textual", "asyncio"} & set(sys.modules)
assert "libggml" not in open("/proc/self/maps").read() if sys.platform == "linux" else True
"""


def test_the_object(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path))
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert set(report) == {"findings", "machine"}
    for finding in report["findings"]:
        assert set(finding) == {"id", "severity", "what", "cost", "fix"}
        assert finding["severity"] in SEVERITIES
    machine = report["machine"]
    assert machine["store"]["path"] == str(tmp_path / "data/models")
    assert machine["store"]["free"] > 0
    assert 0 < machine["memory"]["available"] <= machine["memory"]["total"]
    assert not (tmp_path / "data").exists()


def test_every_key_of_the_object_is_in_the_manual(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    machine = json.loads(capsys.readouterr().out)["machine"]
    manual = (Path(__file__).parents[2] / "docs/doctor.md").read_text(encoding="utf-8")
    assert {key for key in machine if f"| `{key}` |" not in manual} == set()
    inner = {key for part in machine.values() if isinstance(part, dict) for key in part}
    assert {key for key in inner if f"`{key}`" not in manual} == set()


def test_nothing_native_is_loaded() -> None:
    ran = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "processor" in ran.stdout


@pytest.mark.parametrize(("speed", "found"), [("1", []), ("9000000", ["memory-channel"])])
def test_memory_is_measured_where_that_tells_something(
    speed: str, found: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two slots holds a module that is slower, or faster, than the memory here."""
    modules(desktop(tmp_path / "machine"), f"A 8 DDR4 {speed}", "B")
    machine = survey(tmp_path / "machine")
    monkeypatch.setattr("autoglm_lite.hardware.survey.read_survey", lambda *_: machine)
    monkeypatch.setenv("AUTOGLM_LITE_HOME", str(tmp_path / "home"))
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [finding["id"] for finding in report["findings"]] == found
    told = report["machine"]["memory"]
    assert told["bandwidth"] > 1e8
    assert told["slots"] == 2
    assert told["modules"] == [{"slot": "A", "size": 8 << 30, "kind": "DDR4", "bits": 64, "speed": int(speed)}]


def test_the_page_of_a_healthy_machine(tmp_path: Path) -> None:
    text = page(survey(desktop(tmp_path)), [])
    assert text.endswith("\n\nNothing found that slows this machine down.")
    assert "processor  Made Up @ 1.10GHz: 2 cores, 4 threads; avx, avx2, sse4.2\n" in text
    assert "llama.cpp  built for this processor, without graphics\n" in text
    assert "swap       /dev/zram0, 2.1 GB, zram\n" in text
    assert "power      on mains, governor powersave, 48 °C\n" in text
    assert text.splitlines()[7] == "not known  free disk"


def test_the_page_tells_of_memory_what_was_found_out(tmp_path: Path) -> None:
    modules(desktop(tmp_path), "A 16 DDR4 2400", "B")
    machine = replace(survey(tmp_path), bandwidth=16.4e9)
    assert "memory     17.2 GB, 12.9 GB free, 1 of 2 slots filled, read at 16.4 GB/s\n" in page(machine, [])


def test_the_page_of_findings(tmp_path: Path) -> None:
    two_cores(tmp_path)
    swaps(tmp_path)
    machine = survey(tmp_path)
    text = page(machine, diagnose(machine))
    assert "\n\nwarning: swap-missing\n  Found:   There is no swap" in text
    # A command can be copied as a whole.
    assert "\n  Mend:    sudo modprobe zram; device=$(sudo zramctl --find --size 2048M) && sudo mkswap $device" in text
    assert all(len(line) <= 100 or line.startswith("  Mend:") for line in text.splitlines())
