"""How busy processors are."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.hardware.load import Times, busy_shares, read_times, times_with_psutil
from tests.hardware.trees import write


def test_a_recorded_machine(tmp_path: Path) -> None:
    lines = ["cpu  1 1 1 1 1 1 1 1 1 1", "cpu0 10 1 5 70 9 2 1 2 8 1", "cpu12 1 0 1 8", "cpu3 1 0 1 8 0", "ctxt 7"]
    write(tmp_path, "proc/stat", "\n".join(lines))
    # Guests are part of user and nice; Linux before 2.6 says less.
    assert read_times(tmp_path) == {0: Times(21, 100), 3: Times(2, 10)}
    assert read_times(tmp_path / "nowhere") == {}


def test_this_machine_both_ways() -> None:
    ours, theirs = read_times(), times_with_psutil()
    assert ours.keys() == theirs.keys()
    for cpu, times in ours.items():
        assert 0 <= times.busy <= times.total
        assert times.busy / times.total == pytest.approx(theirs[cpu].busy / theirs[cpu].total, abs=0.05)


def test_shares_of_the_time_between_two_looks() -> None:
    before = {0: Times(10, 100), 1: Times(10, 100), 2: Times(5, 50), 4: Times(50, 100)}
    now = {0: Times(35, 150), 1: Times(10, 100), 3: Times(1, 2), 4: Times(49, 110)}
    # A processor that was taken off and put back, as on phones, may count backwards.
    assert busy_shares(before, now) == {0: 0.5, 4: 0.0}
