"""How the result of a conversion gets its name: in the models' folder, with what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def publishing(source: str, revision: str | None = None, licence: str | None = None) -> Callable[[Path, Path], object]:
    """Gives a whole file the name that was asked for, and what was known of a model of that name before goes."""
    from autoglm_lite.errors import UsageError
    from autoglm_lite.store.manifest import Manifest, StoredFile
    from autoglm_lite.store.models import SUFFIX, models_dir
    from autoglm_lite.store.place import check
    from autoglm_lite.store.publishing import publish

    def is_name(name: str) -> bool:
        try:
            return check(name) == name
        except UsageError:
            return False

    def named(whole: Path, out: Path) -> None:
        stored = out.suffix == SUFFIX and out.absolute().parent.resolve() == models_dir().resolve()
        if not stored or not is_name(out.name):
            whole.replace(out)
            return
        file = StoredFile(out.name, whole.stat().st_size)
        manifest = Manifest(out.stem, file, "converted", source=source, revision=revision, licence=licence)
        publish(models_dir(), whole, manifest)

    return named
