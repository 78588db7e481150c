"""A hub with one model, and segments so small that it has many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.download.driving import CONTENT, FILE, REPO, small_segments
from tests.store.hub import FakeHub, serving


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub({REPO: {FILE: CONTENT}})) as found:
        yield found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def segments(monkeypatch: pytest.MonkeyPatch) -> None:
    small_segments(monkeypatch.setattr)
    # What is noted is noted many times a second here, and no test pulls the plug.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None, raising=False)
