"""The memory's modules, from what udev keeps of the firmware's list."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.hardware.modules import Module, read_modules
from tests.hardware.state import modules
from tests.hardware.trees import write


def test_modules_as_udev_lists_them(tmp_path: Path) -> None:
    assert read_modules(tmp_path) is None
    modules(tmp_path, "A 4 DDR4 2400", "B 2 LPDDR4 ?", "C")
    found = read_modules(tmp_path)
    assert found is not None
    assert (found.slots, found.filled) == (
        3,
        (Module("A", 4 << 30, "DDR4", 64, 2400), Module("B", 2 << 30, "LPDDR4", 16, None)),
    )


@pytest.mark.parametrize("text", ["", "E:MEMORY_DEVICE_=1", "E:MEMORY_DEVICE_x_SIZE=4", "E:MEMORY_DEVICE_0_SIZE=many"])
def test_a_list_that_says_nothing(tmp_path: Path, text: str) -> None:
    write(tmp_path, "run/udev/data/+dmi:id", text)
    assert read_modules(tmp_path) is None
