"""For `schemathesis run`: most requests name a model that is there, so that they get further than its name."""

from __future__ import annotations

import zlib
from typing import Any

import schemathesis

MODELS = ("starter", "starter", "stories", "vectors", "ranks")


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    if isinstance(body, dict) and isinstance(body.get("model", ""), str):
        # The same for the same body: Hypothesis asks again to make an example smaller.
        draw = zlib.crc32(repr(body).encode("utf-8", "replace")) % 8
        if draw < len(MODELS):
            return {**body, "model": MODELS[draw]}
    return body
