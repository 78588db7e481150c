"""A place for conversations."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.chat.history import History
from tui.machine import folding


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "conversations.db") as made:
        yield made


@pytest.fixture(autouse=True)
def _no_clipboard_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests copy is not for whoever runs them."""
    for name in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's panel, on terminals of all widths: what is read on the screen is the conversation."""
    monkeypatch.setattr(folding, "UNFOLDED_FROM", math.inf)
