"""A place for conversations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autoglm_lite.chat.history import History


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path / "conversations.db") as made:
        yield made


@pytest.fixture(autouse=True)
def _no_clipboard_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests copy is not for whoever runs them."""
    for name in ("TMUX", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
