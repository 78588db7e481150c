"""Proxies of the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoglm_lite.store.download import Source
from autoglm_lite.store.hub.failures import DownloadError
from tests.store.download.driving import CONTENT, NAME, fetching, source_of
from tests.store.download.proxying import proxying
from tests.store.hub import FakeHub


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_all_goes_through_the_proxy(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxying() as (address, asked):
        monkeypatch.setenv("http_proxy", address)
        assert fetching(hub, folder).run()
        assert (folder / NAME).read_bytes() == CONTENT
        assert len(asked) == len(hub.asked)
        assert asked[0] == f"GET {source_of(hub).address}"


def test_what_needs_none_goes_past_it(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxying() as (address, asked):
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert fetching(hub, folder).run()
        assert asked == []


def test_a_safe_connection_is_tunnelled(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub here speaks no TLS: that it was tried behind the tunnel is all that can be seen."""
    with proxying() as (address, asked):
        monkeypatch.setenv("https_proxy", address)
        there = hub.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(DownloadError, match="The connection to localhost fails"):
            fetching(hub, folder, Source(f"{there}/a.gguf", "A Model", 10, None)).run()
        assert set(asked) == {f"CONNECT {there.removeprefix('https://')}"}


def test_a_proxy_that_is_gone_is_said(hub: FakeHub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pytest.raises(DownloadError, match=r"fails \(Connection refused\)"):
        fetching(hub, folder).run()
