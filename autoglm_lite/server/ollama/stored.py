"""One model file as Ollama's clients list it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from autoglm_lite.errors import ModelFileError
from autoglm_lite.gguf.facts import ModelFacts, read_facts


class Details(msgspec.Struct):
    parent_model: str
    format: str
    family: str
    families: list[str]
    parameter_size: str
    """Such as `1.5B`."""
    quantization_level: str


@dataclass(frozen=True, slots=True)
class Stored:
    tag: str
    """Its name with `:latest`, as clients that look for a name without a tag expect."""
    size: int
    modified: float
    """In seconds since 1970."""
    digest: str
    """Another one as soon as the file is another; its bytes are not read for it."""
    details: Details


def stored(name: str, path: Path, facts: ModelFacts | None = None) -> Stored:
    """Reads the file's header unless `facts` are known, or were asked for before. Raises ModelFileError."""
    try:
        status = path.stat()
    except OSError as error:
        raise ModelFileError(f"The file of the model {name} cannot be read ({error.strerror}).") from error
    found = details(facts) if facts else _details(path, status.st_size, status.st_mtime_ns)
    digest = hashlib.sha256(f"{name}\n{status.st_size}\n{status.st_mtime_ns}".encode()).hexdigest()
    return Stored(name if ":" in name else f"{name}:latest", status.st_size, status.st_mtime, digest, found)


@lru_cache(maxsize=256)
def _details(path: Path, size: int, modified: int) -> Details:
    return details(read_facts(path))


def details(facts: ModelFacts) -> Details:
    return Details("", "gguf", facts.architecture, [facts.architecture], parameters(facts.n_params), facts.file_type)


def parameters(n: int) -> str:
    """A count in words: `3.6M`."""
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if n >= unit:
            return f"{n / unit:.1f}{name}"
    return str(n)
