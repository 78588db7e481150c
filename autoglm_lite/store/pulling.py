"""A model on its way from a hub into the store: its files, made one, published with what is known of them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoglm_lite.errors import StoreError
from autoglm_lite.paths import private_dir
from autoglm_lite.store.download import PARTIAL
from autoglm_lite.store.download.fetch import Fetch, Source
from autoglm_lite.store.download.limit import Limit
from autoglm_lite.store.download.progress import USUAL, Patience, Progress, State
from autoglm_lite.store.hub.client import Client
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.hub.kept_headers import forget_start
from autoglm_lite.store.locking import held
from autoglm_lite.store.manifest import Manifest, StoredFile, read_manifest
from autoglm_lite.store.place import check, place
from autoglm_lite.store.publishing import not_stored, publish
from autoglm_lite.store.seeding import seed

SECONDS_BETWEEN_TURNS = 0.3
ORDER = "order"
"""A file beside what has come: which bytes those are of."""
Stage = Literal["getting", "joining"]


@dataclass(frozen=True, slots=True)
class Order:
    """A model that is to come."""

    name: str
    """Of the stored model."""
    parts: tuple[Source, ...]
    """One, or those of a split file in order."""
    mmproj: Source | None
    source: str
    """As the manifest keeps it: a reference of the file, of a split one of its first part."""
    revision: str | None = None
    licence: str | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.parts if self.mmproj is None else (*self.parts, self.mmproj)

    @property
    def n_bytes(self) -> int:
        """Of all files; what nobody has told counts nothing."""
        return sum(source.n_bytes or 0 for source in self.sources)


def folder_of(models: Path, name: str) -> Path:
    """Where the files of a model lie until it is whole. Raises UsageError."""
    return place(models, PARTIAL, check(name))


def came(models: Path, name: str) -> int:
    """Bytes of the disk that what has come of it takes."""
    total = 0
    with suppress(OSError):
        for path in folder_of(models, name).rglob("*"):
            total += path.lstat().st_blocks * 512
    return total


class _StoppedError(Exception):
    """While parts were joined."""


class Pull:
    """`run` blocks, so it is for a thread; everything else may be called from another."""

    def __init__(
        self, order: Order, models: Path, client: Client, limit: Limit | None = None, patience: Patience = USUAL
    ) -> None:
        """Raises UsageError for a name that is none."""
        self.order = order
        self.stage: Stage = "getting"
        self._models = models
        self._folder = folder_of(models, order.name)
        self._stop = threading.Event()
        self._identity = " ".join(source.sha256 or source.address for source in order.sources)
        self._whole = order.name + ".gguf"
        self._fetches = [
            Fetch(source, self._folder, name, client, patience, limit)
            for source, name in zip(order.sources, self._names(), strict=True)
        ]
        self._joined = (0, order.n_bytes)
        self._waits = False
        """For another program that gets the same model."""

    @property
    def progress(self) -> Progress:
        """Of all files, or of their joining."""
        if self._waits:
            return Progress("taken", min(came(self._models, self.order.name), self.order.n_bytes), self.order.n_bytes)
        if self.stage == "joining":
            return Progress("getting", *self._joined)
        now = [fetch.progress for fetch in self._fetches]
        current = next((one for one in now if one.state in ("getting", "checking")), None)
        state: State = current.state if current else "waiting"
        total = sum(one.total for one in now)
        return Progress(state, sum(one.done for one in now), total, current.bytes_per_second if current else None)

    def stop(self) -> None:
        """Has `run` end soon; what came is kept."""
        self._stop.set()
        for fetch in self._fetches:
            fetch.stop()

    def run(self) -> Path | None:
        """The stored model; None where it was stopped. May be run again.

        Another program that gets the same model is waited for: what it stored is taken, what it left is gone on with.
        Raises DownloadError, StoreError.
        """
        self._stop.clear()
        waited = False
        try:
            while True:
                with self._alone() as ours:
                    self._waits = not ours
                    if ours:
                        return (self._stored() if waited else None) or self._get()
                waited = True
                if self._stop.wait(SECONDS_BETWEEN_TURNS):
                    return None
        except _StoppedError:
            return None
        except OSError as error:
            raise not_stored(self.order.name, self._models, error) from error

    def _get(self) -> Path | None:
        self._begin()
        paths = [self._folder / name for name in self._names()]
        n_parts = len(self.order.parts)
        whole = self._folder / self._whole
        given_up = self._given_up(paths[:n_parts], whole)
        for fetch, path in list(zip(self._fetches, paths, strict=True))[given_up:]:
            seed(fetch.source, self._folder, path.name)
            if self._stop.is_set() or self._run(fetch) is None:
                return None
        if n_parts > 1 and given_up < n_parts:
            self._join(paths[:n_parts], whole)
        mmproj = paths[n_parts] if self.order.mmproj else None
        found = publish(self._models, whole, self._manifest(whole, mmproj), mmproj)
        shutil.rmtree(self._folder, ignore_errors=True)
        return found

    def _run(self, fetch: Fetch) -> Path | None:
        try:
            return fetch.run()
        except DownloadError as error:
            if error.kind == "wrong":
                # Perhaps what was read of it before is what is wrong.
                forget_start(fetch.source.sha256)
            raise

    def _names(self) -> list[str]:
        count = len(self.order.parts)
        numbered = [f"{self.order.name}-{number:05}-of-{count:05}.gguf" for number in range(1, count + 1)]
        names = [self._whole] if count == 1 else numbered
        return names if self.order.mmproj is None else [*names, self.order.name + ".mmproj"]

    def _begin(self) -> None:
        """What came of another file of that name is thrown away. Raises OSError."""
        note = self._folder / ORDER
        with suppress(OSError):
            if note.read_text(encoding="utf-8") == self._identity:
                return
        shutil.rmtree(self._folder, ignore_errors=True)
        private_dir(self._folder)
        note.write_text(self._identity, encoding="utf-8")

    def _given_up(self, parts: list[Path], whole: Path) -> int:
        """How many of the first parts need not come again: `whole` has what they held."""
        from autoglm_lite.store.joining import joined_already

        if len(parts) == 1:
            return 0
        return len(parts) if whole.exists() else joined_already(parts, whole, self._identity)

    def _join(self, parts: list[Path], whole: Path) -> None:
        from autoglm_lite.store.joining import join

        def show(done: int, total: int) -> None:
            self._joined = done, total
            if self._stop.is_set():
                raise _StoppedError

        self.stage = "joining"
        join(parts, whole, show, give_up=True, identity=self._identity)

    def _manifest(self, whole: Path, mmproj: Path | None) -> Manifest:
        order = self.order
        single = self._sha256(0) if len(order.parts) == 1 else None
        return Manifest(
            name=order.name,
            file=StoredFile(self._whole, whole.stat().st_size, single),
            way="fetched",
            mmproj=StoredFile(mmproj.name, mmproj.stat().st_size, self._sha256(-1)) if mmproj else None,
            source=order.source,
            revision=order.revision,
            licence=order.licence,
        )

    def _sha256(self, number: int) -> str | None:
        found = self._fetches[number].found
        return self.order.sources[number].sha256 if found is None else found.sha256

    def _stored(self) -> Path | None:
        """What another has stored meanwhile."""
        path, known = place(self._models, self._whole), read_manifest(self._models, self.order.name)
        same = known is not None and (known.source, known.revision) == (self.order.source, self.order.revision)
        return path if same and path.is_file() else None

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """One at a time gets a model; whether it is our turn."""
        with ExitStack() as stack:
            try:
                stack.enter_context(held(self._models, self.order.name + ".pull", seconds=0))
            except StoreError:
                yield False
                return
            private_dir(self._folder)
            yield True
