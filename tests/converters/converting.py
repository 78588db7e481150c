"""A conversion in one call, for tests of what it reads and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converters.conversion import Conversion, Resources, draft_of, plan_conversion, write_conversion
from converters.types import file_type
from converters.wishes import Wishes


def plan(source: Path, kind: str, **wishes: Any) -> Conversion:
    """What converting `source` to `kind` would write."""
    wanted = Wishes(file_type(kind), **wishes)
    return plan_conversion(draft_of(source, wanted), wanted)


def convert(source: Path, out: Path, kind: str, n_threads: int = 1, **wishes: Any) -> Path:
    """Converts `source` to `out`, which it returns."""
    write_conversion(plan(source, kind, **wishes), out, Resources(n_threads))
    return out
