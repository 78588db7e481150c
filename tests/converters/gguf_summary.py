"""Every key and tensor of a GGUF file, in order, as the gguf package reads them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

LONGEST = 16
"""Items of an array that are listed one by one; a longer one is listed by its length and hash."""


def describe(path: Path) -> dict[str, Any]:
    """The whole file in small: its hash, its keys with types and values, its tensors with the hash of their bytes."""
    from gguf import GGUFReader

    reader = GGUFReader(path)
    keys = []
    for name, field in reader.fields.items():
        if name.startswith("GGUF."):
            continue
        value = field.contents()
        if isinstance(value, list) and len(value) > LONGEST:
            value = {"length": len(value), "sha256": _hash(json.dumps(value).encode())}
        keys.append([name, [kind.name for kind in field.types], value])
    tensors = [
        [tensor.name, tensor.tensor_type.name, [int(size) for size in tensor.shape], _hash(tensor.data.tobytes())]
        for tensor in reader.tensors
    ]
    return {"sha256": _hash(path.read_bytes()), "keys": keys, "tensors": tensors}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
