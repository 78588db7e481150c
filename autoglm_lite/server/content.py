"""What a message holds, in any protocol: text, and pictures that no model of this version sees."""

from __future__ import annotations

from autoglm_lite.errors import UsageError


def refuse_image(url: str) -> None:
    """Raises UsageError: nothing is ever fetched for a request, neither a file nor an address."""
    if not url.startswith("data:"):
        raise UsageError("Pictures must be sent within the request, as data: URIs: no address is opened for it.")
    raise UsageError("This model cannot see pictures: leave them out, or ask another model.")
