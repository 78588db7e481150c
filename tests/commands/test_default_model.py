"""Which model the service takes where a program names none."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from autoglm_lite.commands import serve
from autoglm_lite.store import models as store


def chooses(monkeypatch: pytest.MonkeyPatch, *found: Path) -> tuple[list[Path], Callable[[], str]]:
    """Those that are found, one after the other, and what chooses among them."""
    left = list(found)
    monkeypatch.setattr(store, "resolve", lambda *_: left.pop(0))
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    return left, serve.models(parser.parse_args([]), lambda _: None)._default


def test_it_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    other = store.models_dir() / "other.gguf"
    left, default = chooses(monkeypatch, other, store.starter_path())
    other.touch()
    monkeypatch.setattr(serve, "STARTER_SECONDS", 0.0)
    assert [default(), default()] == ["other", "other"]
    assert left
    other.unlink()
    assert default() == "starter"


def test_the_starter_gives_way_once_there_is_memory_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    other = store.models_dir() / "other.gguf"
    left, default = chooses(monkeypatch, store.starter_path(), other)
    other.touch()
    assert [default(), default()] == ["starter", "starter"]
    monkeypatch.setattr(serve, "STARTER_SECONDS", 0.0)
    assert default() == "other"
    assert not left
