"""Small trained models, opened once a module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.native.writer import STARTER, Writer


@pytest.fixture(scope="module")
def starter() -> Iterator[Writer]:
    with closing(Writer(STARTER)) as writer:
        yield writer


@pytest.fixture(scope="module")
def stories(stories_gguf: Path) -> Iterator[Writer]:
    with closing(Writer(stories_gguf)) as writer:
        yield writer
