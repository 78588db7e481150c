"""Anthropic's own client, unmodified, of the running service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anthropic import Anthropic

from tests.server.serving import PATIENCE, Running


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[Anthropic]:
    with Anthropic(base_url=running.url, api_key="any", max_retries=0, timeout=PATIENCE) as found:
        yield found


@pytest.fixture(scope="session")
def lively_client(lively: Running) -> Iterator[Anthropic]:
    with Anthropic(base_url=lively.url, api_key="any", max_retries=0, timeout=PATIENCE) as found:
        yield found
