"""A place for conversations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.chat.history import History
from tui.machine.folding import WIDE, remember


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "conversations.db") as made:
        yield made


@pytest.fixture(autouse=True)
def folded(home: Path) -> None:
    """The machine's panel, on terminals of all widths: what is read on the screen is the conversation."""
    for width in (WIDE - 1, WIDE):
        remember(width, folded=True)
