"""`autoglm-lite doctor` as a user runs it, here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autoglm_lite.cli import main
from autoglm_lite.commands.doctor import page
from autoglm_lite.doctor import SEVERITIES, diagnose
from tests.doctor.machines import desktop, survey, two_cores
from tests.hardware.state import swaps

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


def test_the_page_of_a_healthy_machine(tmp_path: Path) -> None:
    text = page(survey(desktop(tmp_path)), [])
    assert text.endswith("\n\nNothing found that slows this machine down.")
    assert "processor  Made Up @ 1.10GHz: 2 cores, 4 threads; avx, avx2, sse4.2\n" in text
    assert "llama.cpp  built for this processor, without graphics\n" in text
    assert "swap       /dev/zram0, 2.1 GB, zram\n" in text
    assert "power      on mains, governor powersave, 48 °C\n" in text
    assert text.splitlines()[7] == "not known  free disk"


def test_the_page_of_findings(tmp_path: Path) -> None:
    two_cores(tmp_path)
    swaps(tmp_path)
    machine = survey(tmp_path)
    text = page(machine, diagnose(machine))
    assert "\n\nwarning: swap-missing\n  Found:   There is no swap" in text
    # A command can be copied as a whole.
    assert "\n  Mend:    sudo modprobe zram; device=$(sudo zramctl --find --size 2048M) && sudo mkswap $device" in text
    assert all(len(line) <= 100 or line.startswith("  Mend:") for line in text.splitlines())
