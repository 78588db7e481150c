"""Which stored models came from a repository, and whether it has newer ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from autoglm_lite.errors import UsageError
from autoglm_lite.store.hub.repository import Repository
from autoglm_lite.store.manifest import Manifest, read_manifest
from autoglm_lite.store.models import stored_models
from autoglm_lite.store.reference import HubReference, Reference, read_reference
from autoglm_lite.store.type_names import fits_wish, type_in


def stored_from(reference: Reference) -> Path | None:
    """The stored model that came from there: the file, the type, or any where neither is named."""
    for path, manifest in _known():
        with suppress(UsageError):
            if _is_meant(read_reference(manifest.source or ""), reference):
                return path
    return None


def stored_with(sha256: str) -> Path | None:
    """The stored model that has these very bytes."""
    return next((path for path, manifest in _known() if manifest.file.sha256 == sha256), None)


def is_newer(manifest: Manifest, repository: Repository) -> HubReference | None:
    """What to get in place of the stored model, where the repository has another file under its name by now; None for
    the same one, and where that cannot be told: of a split model nobody says what its parts make together."""
    source = read_reference(manifest.source or "")
    if not isinstance(source, HubReference) or manifest.file.sha256 is None:
        return None
    for file in repository.files:
        if file.path == source.file and file.sha256 not in (None, manifest.file.sha256):
            return source
    return None


def _known() -> Iterator[tuple[Path, Manifest]]:
    for path in stored_models():
        with suppress(UsageError):
            manifest = read_manifest(path.parent, path.stem)
            if manifest is not None:
                yield path, manifest


def _is_meant(source: Reference | None, reference: Reference) -> bool:
    if not isinstance(source, HubReference) or not isinstance(reference, HubReference):
        return source is not None and source == reference
    if (source.hub, source.repo.lower()) != (reference.hub, reference.repo.lower()):
        return False
    if reference.file is not None:
        return source.file == reference.file
    if reference.type is None:
        return True
    named = type_in((source.file or "").rpartition("/")[2].removesuffix(".gguf"))
    return named is not None and fits_wish(named[0], reference.type) is not None
