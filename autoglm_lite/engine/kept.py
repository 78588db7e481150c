"""A base model's distributions over some chunks, kept on disk until the model to compare has read the same."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.engine.distribution import Coded
from autoglm_lite.errors import AutoglmError

if TYPE_CHECKING:
    import numpy as np

KEPT_BYTES = 2 << 30
"""26 chunks of 512 tokens with a vocabulary of 152,000: a few minutes' work on a small machine."""
FREE_SHARE = 0.5
"""Of the disk's free space, which is to be left to others."""


class KeptBase:
    """A file in `folder` without a name: the system removes it when its owner ends, however that happens."""

    def __init__(self, folder: Path, first_chunk: int, n_vocab: int) -> None:
        """Raises AutoglmError where the folder cannot be written."""
        self.first_chunk = first_chunk
        self.n_vocab = n_vocab
        self.chunks: list[list[int]] = []
        """The tokens of the chunks that are to be kept."""
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        except OSError as error:
            raise AutoglmError(f"{folder} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        self._file.close()

    def room(self, n_rows: int) -> int:
        """Chunks of `n_rows` rows that may be kept, at least 1. Raises AutoglmError when the disk has no room."""
        n_bytes = n_rows * (8 + 2 * self.n_vocab)
        free = int(shutil.disk_usage(self._folder).free * FREE_SHARE)
        if free < n_bytes:
            raise AutoglmError(
                f"The comparison needs {2 * n_bytes / 1e6:,.0f} MB of free disk in {self._folder}: make room there."
            )
        return max(1, min(KEPT_BYTES, free) // n_bytes)

    def write(self, rows: Coded) -> None:
        """Appends; raises AutoglmError when the disk is full."""
        import numpy as np

        joined = np.empty(len(rows.codes), self._row())
        joined["scale"], joined["lowest"], joined["codes"] = rows.scale, rows.lowest, rows.codes
        try:
            self._file.write(joined.tobytes())
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise AutoglmError(f"The disk of {self._folder} is full: make room there.") from error
            raise

    def rewind(self) -> None:
        self._file.flush()
        self._file.seek(0)

    def read(self, n_rows: int) -> Coded:
        """The next rows."""
        import numpy as np

        joined = np.frombuffer(self._file.read(n_rows * self._row().itemsize), self._row())
        return Coded(joined["scale"], joined["lowest"], joined["codes"])

    def _row(self) -> np.dtype[np.void]:
        import numpy as np

        return np.dtype([("scale", "<f4"), ("lowest", "<f4"), ("codes", "<u2", (self.n_vocab,))])
