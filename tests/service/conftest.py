"""One service manager for all tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.service.manager import Installed, Manager, installed, manager


@pytest.fixture(scope="session", name="manager")
def manager_of_session() -> Iterator[Manager]:
    with manager() as found:
        yield found


@pytest.fixture(scope="module", name="service")
def service_of_module(manager: Manager) -> Iterator[Installed]:
    """Installed with the options that it usually has."""
    with installed(manager) as found:
        yield found
