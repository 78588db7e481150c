"""Which of the models that were found are stored already, so that none is offered twice."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from autoglm_lite.errors import UsageError
from autoglm_lite.store.manifest import read_manifest
from autoglm_lite.store.models import SUFFIX
from autoglm_lite.store.others.found import Found


@dataclass(frozen=True, slots=True)
class Stored:
    """Names of stored models, by what tells that a file is the same."""

    by_file: dict[tuple[int, int], str] = field(default_factory=dict)
    """Device and inode."""
    by_sha256: dict[str, str] = field(default_factory=dict)
    by_source: dict[tuple[str, int], str] = field(default_factory=dict)
    """And bytes."""

    def name_of(self, found: Found) -> str | None:
        """What it is called here; None if it is not stored."""
        with suppress(OSError):
            status = found.path.stat()
            sources = [str(found.path)] if found.source is None else [found.source, str(found.path)]
            names = [
                self.by_file.get((status.st_dev, status.st_ino)),
                self.by_sha256.get(found.sha256 or ""),
                *(self.by_source.get((source, status.st_size)) for source in sources),
            ]
            return next((name for name in names if name is not None), None)
        return None


def read_stored(models: Path) -> Stored:
    """What is in the models' folder now."""
    stored = Stored()
    for path in sorted(models.glob("*" + SUFFIX)) if models.is_dir() else []:
        with suppress(OSError, UsageError):
            status = path.stat()
            stored.by_file[status.st_dev, status.st_ino] = path.stem
            manifest = read_manifest(models, path.stem)
            if manifest is not None and manifest.file.n_bytes == status.st_size:
                stored.by_sha256.update({manifest.file.sha256: path.stem} if manifest.file.sha256 else {})
                stored.by_source.update({(manifest.source, status.st_size): path.stem} if manifest.source else {})
    return stored
