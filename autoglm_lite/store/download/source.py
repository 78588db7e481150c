"""Where a file's bytes are, and what they are to be."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Source:
    address: str
    label: str
    """For people."""
    n_bytes: int | None
    sha256: str | None
    """None where the hub tells it on the way, or nobody does."""
    must_be_checked: bool = False
    """Whether it is refused where nobody tells its SHA-256."""

    @property
    def is_model(self) -> bool:
        """Whether it is to begin as a GGUF does."""
        return urlsplit(self.address).path.lower().endswith(".gguf")

    @property
    def is_page(self) -> bool:
        return urlsplit(self.address).path.lower().endswith((".html", ".htm"))
