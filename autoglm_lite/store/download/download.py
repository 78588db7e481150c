"""A model that the app was told to get, on its way from a hub into the models' folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

from autoglm_lite.errors import UsageError
from autoglm_lite.store.download.fetch import Fetch
from autoglm_lite.store.download.progress import USUAL, Patience, Progress
from autoglm_lite.store.download.source import Source
from autoglm_lite.store.hub.access import address_of, read_access
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.manifest import Manifest, StoredFile
from autoglm_lite.store.models import SUFFIX
from autoglm_lite.store.publishing import publish
from autoglm_lite.store.reference import HubReference, read_reference
from autoglm_lite.store.wanted import Wanted, check_name


class Download:
    """`run` blocks, so it is for a thread; everything else may be called from another."""

    def __init__(self, wanted: Wanted, folder: Path, environ: Mapping[str, str], patience: Patience = USUAL) -> None:
        """`folder` is that of the models. Raises UsageError, ValueError for a name or an address that is none."""
        self.wanted = wanted
        check_name(wanted.name)
        reference = read_reference(wanted.reference)
        if not isinstance(reference, HubReference) or reference.file is None:
            raise UsageError(f"{wanted.reference!r} names no file of a hub: write it such as hf:org/repo/file.gguf.")
        access = read_access(environ)
        source = Source(address_of(reference, wanted.revision, access), wanted.label, None, None, must_be_checked=True)
        client = Client(access, patience.stall)
        self._folder = folder
        self._fetch = Fetch(
            source, folder, wanted.name, client, patience, finish=self._publish, beside={"wanted": asdict(wanted)}
        )

    @property
    def progress(self) -> Progress:
        now = self._fetch.progress
        return now if now.total else replace(now, total=self.wanted.n_bytes)

    def stop(self) -> None:
        """Has `run` end soon; what came is kept."""
        self._fetch.stop()

    def run(self) -> Path | None:
        """Gets what is missing, and returns the model's path; None where it was stopped. May be run again.

        Raises DownloadError, StoreError.
        """
        return self._fetch.run()

    def _publish(self, whole: Path) -> None:
        wanted, found = self.wanted, self._fetch.found
        assert found is not None
        file = StoredFile(wanted.name, found.n_bytes, found.sha256)
        name = wanted.name.removesuffix(SUFFIX)
        publish(
            self._folder,
            whole,
            Manifest(name, file, "fetched", source=wanted.reference, revision=wanted.revision),
        )
