"""Which stored models came from a repository, and whether it has newer ones."""

from __future__ import annotations

from pathlib import Path

from autoglm_lite.errors import UsageError
from autoglm_lite.store.hub.repository import Repository
from autoglm_lite.store.manifest import Manifest, read_manifest
from autoglm_lite.store.models import stored_models
from autoglm_lite.store.reference import HubReference, read_reference
from autoglm_lite.store.type_names import fits_wish, type_in


def stored_from(reference: HubReference) -> tuple[Path, Manifest] | None:
    """The stored model that came from there: the file, the type, or any where neither is named."""
    for path in stored_models():
        try:
            manifest = read_manifest(path.parent, path.stem)
            source = read_reference(manifest.source or "") if manifest else None
        except UsageError:
            continue
        if manifest is not None and isinstance(source, HubReference) and _is_meant(source, reference):
            return path, manifest
    return None


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


def _is_meant(source: HubReference, reference: HubReference) -> bool:
    if (source.hub, source.repo.lower()) != (reference.hub, reference.repo.lower()):
        return False
    if reference.file is not None:
        return source.file == reference.file
    if reference.type is None:
        return True
    named = type_in((source.file or "").rpartition("/")[2].removesuffix(".gguf"))
    return named is not None and fits_wish(named[0], reference.type) is not None
