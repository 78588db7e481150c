"""Ollama's own client, unmodified, of the running service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ollama import Client

from tests.server.serving import PATIENCE, Running


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[Client]:
    with Client(running.url, timeout=PATIENCE) as found:
        yield found


@pytest.fixture(scope="session")
def lively_client(lively: Running) -> Iterator[Client]:
    with Client(lively.url, timeout=PATIENCE) as found:
        yield found
