"""Addresses of the store: signed, so that nobody makes one up, and good for a while only."""

from __future__ import annotations

import hashlib
from urllib.parse import quote

from tests.store.hub.fake import FakeHub


def signed(hub: FakeHub, repo: str, file: str, kind: str = "xet") -> str:
    path = f"/{kind}/{repo}/{quote(file, safe='')}"
    return f"{hub.store_url}{path}?Expires={hub.generation}&Signature={signature(path, hub.generation)}"


def signature(path: str, generation: int) -> str:
    return hashlib.sha256(f"{path} {generation}".encode()).hexdigest()[:20]
