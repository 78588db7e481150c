"""What is to be fetched may be on this disk already: another program has the very same file."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from autoglm_lite.store.others.found import Found
    from autoglm_lite.store.pulling import Order


def nearby(order: Order) -> Found | None:
    """A file of another program under the checksum that the hub tells, and as long."""
    from autoglm_lite.store.others.computer import this_computer
    from autoglm_lite.store.others.search import find_models

    if len(order.parts) > 1 or order.parts[0].sha256 is None:
        return None
    for one in find_models(this_computer()):
        with suppress(OSError):
            same = one.sha256 == order.parts[0].sha256 and one.path.stat().st_size == order.parts[0].n_bytes
            if same and (order.mmproj is None or order.mmproj.sha256 == one.mmproj_sha256):
                return one
    return None


def take_in(found: Found, order: Order) -> Path | None:
    """The stored model, where it lies now; None where the file is not what its name says, or cannot be taken in. It is
    read once, to be sure."""
    from autoglm_lite.commands.models.importing import whole
    from autoglm_lite.errors import AutoglmError
    from autoglm_lite.store.verifying import sha256_of
    from converters.progress import Progress

    progress = Progress(sys.stderr)
    try:
        if sha256_of(found.path, progress) != order.parts[0].sha256:
            return None
        mmproj = None if order.mmproj is None else found.mmproj
        done = whole(
            found.path, order.name, source=order.source, sha256=found.sha256, licence=order.licence, mmproj=mmproj
        )
    except (AutoglmError, OSError):
        return None
    finally:
        progress.close()
    return done.path
