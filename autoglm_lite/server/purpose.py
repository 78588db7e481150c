"""Models that make embeddings or rank documents: which of the stored ones is meant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from autoglm_lite.embedding import Use, wrong_use
from autoglm_lite.errors import ModelFileError, UnknownModelError, UsageError
from autoglm_lite.server.models import DEFAULT_NAMES, Models
from autoglm_lite.server.resident import Resident

MADE = {"chat": "writes text", "embeddings": "makes embeddings", "reranking": "ranks documents"}


@asynccontextmanager
async def using(models: Models, asked: str | None, use: Use) -> AsyncIterator[Resident]:
    """The model for `use`, loaded: the one of that name, or where none is named the only stored one that is made for
    it. Raises UnknownModelError where there is none or more than one, and as Models.use does."""
    name = asked
    if asked is None or asked in DEFAULT_NAMES:
        name = await asyncio.to_thread(_only, models, use)
    async with models.use(name, use) as resident:
        if resident.facts.use != use:
            raise UsageError(wrong_use(resident.name, resident.facts.use, use))
        yield resident


def _only(models: Models, use: Use) -> str:
    fit = sorted(name for name, path in models.files().items() if _use_of(path) == use)
    if len(fit) == 1:
        return fit[0]
    if fit:
        raise UnknownModelError(f"Several stored models could be meant: name one of {', '.join(fit)}.")
    raise UnknownModelError(f"No stored model {MADE[use]}: put one into the folder of models, and ask again.")


def _use_of(path: Path) -> Use | None:
    """None for a file that cannot be used."""
    try:
        stat = path.stat()
        return _read_use(path, stat.st_mtime_ns, stat.st_size)
    except (OSError, ModelFileError):
        return None


@lru_cache(maxsize=256)
def _read_use(path: Path, changed: int, size: int) -> Use:
    """Reading the vocabulary of a large model takes a tenth of a second."""
    from autoglm_lite.gguf.facts import read_facts

    return read_facts(path).use
