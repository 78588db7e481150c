"""The list of models worth having on small machines, and which of them one machine can run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.gguf.ggml_types import FILE_TYPES
from autoglm_lite.planning.make import DEFAULT_CTX, TIGHT_SHARE
from autoglm_lite.profiles.document import Table, read_document
from autoglm_lite.profiles.files import MODELS, profiles_dir

KEYS = ("id", "name", "family", "reference", "parameters", "context", "kv_bytes", "licence", "bytes")
MORE_KEYS = ("files", "good_at")
GOOD_AT = ("chinese", "english", "conversation", "writing", "code", "reasoning", "little memory")
LEAST_SPEED = 4.0
"""Tokens per second: about as fast as one reads. A larger model that writes slower tires who waits for it."""
OTHER_BYTES = 200_000_000
"""The program, its vocabulary and its buffers, about."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    id: str
    """What people type, such as glm-edge-1.5b."""
    name: str
    family: str
    reference: str
    """Where it can be had, such as hf:org/repo."""
    parameters: int
    context: int
    """Tokens that it was trained for."""
    kv_bytes: int
    """Of the KV cache for each token, at f16."""
    licence: str
    bytes_by_type: Mapping[str, int]
    """Of the tensors of a file, by its type."""
    files: Mapping[str, str] = field(default_factory=dict)
    """By type: hf:org/repo/file of a GGUF that anyone can have."""
    good_at: tuple[str, ...] = ()
    """Of GOOD_AT; empty for what is not proposed."""


@dataclass(frozen=True, slots=True)
class Recommended:
    model: KnownModel
    type: str
    needed: int
    """Bytes of memory with the usual context, about."""


def read_models(path: Path | None = None) -> list[KnownModel]:
    """The list that comes with the program, or another. Raises ProfileError with the line of a mistake."""
    document = read_document(path or profiles_dir() / MODELS, ("model",))
    return [_model(table) for table in document.tables("model", (*KEYS, *MORE_KEYS))]


def recommended(models: Iterable[KnownModel], memory: int) -> Recommended | None:
    """The one with the most parameters that fits into `memory` bytes with room to spare, in the largest type that
    does."""
    fitting = [
        Recommended(model, name, needed)
        for model in models
        for name, n_bytes in model.bytes_by_type.items()
        if (needed := needed_bytes(model, n_bytes)) <= TIGHT_SHARE * memory
    ]
    return max(fitting, key=lambda found: (found.model.parameters, found.needed), default=None)


def suited(
    models: Iterable[KnownModel], memory: int, tokens_per_second: Callable[[int], float | None]
) -> list[Recommended]:
    """Those of which a file can be had, that are good at something, and that fit into `memory` bytes with room to
    spare, the best first: the one with the most parameters of those that write as fast as one reads, after these the
    fastest.

    `tokens_per_second` of a file of so many bytes, None where unknown.
    """
    found = [
        Recommended(model, name, needed)
        for model in models
        for name in (model.files if model.good_at else ())
        if (needed := needed_bytes(model, model.bytes_by_type[name])) <= TIGHT_SHARE * memory
    ]

    def worth(one: Recommended) -> tuple[bool, float]:
        speed = tokens_per_second(one.model.bytes_by_type[one.type])
        quick = speed is None or speed >= LEAST_SPEED
        return quick, one.model.parameters if quick else speed or 0.0

    return sorted(found, key=worth, reverse=True)


def needed_bytes(model: KnownModel, file_bytes: int) -> int:
    """Memory for a file of this size and the usual context, about."""
    return file_bytes + min(model.context, DEFAULT_CTX) * model.kv_bytes + OTHER_BYTES


def _model(table: Table) -> KnownModel:
    for name in KEYS:
        if name not in table:
            raise table.mistake(f"this model has no {name}.")
    most = 1 << 50
    reference = table.text("reference") or ""
    if not reference.startswith("hf:") or reference.count("/") != 1:
        raise table.mistake('reference must be such as "hf:org/repo".', "reference")
    sizes = table.sizes("bytes", list(FILE_TYPES.values()))
    if not sizes:
        raise table.mistake("bytes must give at least one type.", "bytes")
    found = table.table("files", list(sizes))
    files = {} if found is None else {name: found.text(name) or "" for name in sizes if name in found}
    for name, file in files.items():
        if found is not None and not re.fullmatch(r"hf:[^/]+/[^/]+/.+\.gguf", file):
            raise found.mistake(f'{name} must be such as "hf:org/repo/file.gguf".', name)
    short = table.text("id") or ""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,60}", short):
        raise table.mistake("id must be of small letters, digits, points and hyphens.", "id")
    return KnownModel(
        id=short,
        name=table.text("name") or "",
        family=table.text("family") or "",
        reference=reference,
        parameters=table.integer("parameters", 1, most) or 0,
        context=table.integer("context", 1, most) or 0,
        kv_bytes=table.integer("kv_bytes", 1, most) or 0,
        licence=table.text("licence") or "",
        bytes_by_type=sizes,
        files=files,
        good_at=table.texts("good_at", GOOD_AT),
    )
