"""What every request can reach."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.server.models import Models


@dataclass(frozen=True, slots=True)
class Service:
    models: Models
    folder: Path
    """For what is kept between requests."""
    began: float = field(default_factory=time.time)
    """In seconds since 1970."""
