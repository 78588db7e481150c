"""What a machine is busy with, recorded in two looks, and here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from autoglm_lite.hardware import activity
from autoglm_lite.hardware.activity import Activity, read_activity
from tests.hardware.state import churn
from tests.hardware.trees import GIB, memory, write


def test_activity_takes_two_looks(tmp_path: Path) -> None:
    assert read_activity(tmp_path, None) == Activity(None, None, None, None)
    write(tmp_path, "proc/loadavg", "0.35 0.20 0.10 1/400 2345")
    churn(tmp_path, 20, 1000, faults=30)
    memory(tmp_path, 8 * GIB, 2 * GIB)
    assert read_activity(tmp_path, 20) == Activity(0.35, GIB, 4096000.0, 30.0)
    assert read_activity(tmp_path, 0.5) == Activity(0.35, GIB, None, None)
    (tmp_path / "later/proc/vmstat").unlink()
    assert read_activity(tmp_path, 20) == Activity(0.35, GIB, None, None)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_activity_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activity, "SECONDS", 0.05)
    found = read_activity(Path("/"), None)
    assert found.load is not None
    assert found.read_again is not None
    assert found.read_again >= 0
