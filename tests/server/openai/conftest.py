"""OpenAI's own client, unmodified, of the running service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.server.serving import PATIENCE, Running


@pytest.fixture(scope="session")
def client(running: Running) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{running.url}/v1", api_key="any", max_retries=0, timeout=PATIENCE) as found:
        yield found
