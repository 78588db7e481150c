"""How long a model stays in memory after a request: `keep_alive`."""

from __future__ import annotations

import math
import re
from typing import Annotated

from msgspec import Meta

from autoglm_lite.server.models import Models
from autoglm_lite.server.resident import Resident

UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
EVER = 1e9
"""Seconds, from which on no end is set."""
DURATION = r"^[-+]?([0-9]{1,18}|([0-9]{1,18}(\.[0-9]{1,18})?(ns|us|µs|ms|s|m|h)){1,8})$"

KeepAlive = float | Annotated[str, Meta(pattern=DURATION)] | None
"""Seconds, or a duration of Go's such as `1h30m`; below 0: for ever. None leaves it as it was."""


def seconds(given: float | str) -> float:
    """`given` in seconds, math.inf for ever."""
    found = _parsed(given) if isinstance(given, str) else given
    return math.inf if found < 0 or found >= EVER else found


def _parsed(text: str) -> float:
    parts = re.findall(r"([0-9]+(?:\.[0-9]+)?)([a-zµ]*)", text)
    total = sum(float(number) * UNITS.get(unit, 1.0) for number, unit in parts)
    return -total if text.startswith("-") else total


def keep(models: Models, resident: Resident, given: float | str | None) -> None:
    if given is not None:
        models.keep(resident, seconds(given))


async def unload(models: Models, asked: str | None) -> None:
    """At once, or after the last request that uses it. Raises UnknownModelError."""
    name = await models.name_of(asked)
    for resident in models.residents:
        if resident.name == name:
            models.keep(resident, 0)
            await models.unload(name)
