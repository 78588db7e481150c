"""A download in a thread, so that the one who waits for it can show how far it is, and be interrupted."""

from __future__ import annotations

import threading
from collections.abc import Callable

from autoglm_lite.store.download.fetch import Fetch

SECONDS = 0.2
"""Between two looks at what is waited for."""


class Running:
    """A Fetch at work."""

    def __init__(self, fetch: Fetch) -> None:
        self.fetch = fetch
        self._error: BaseException | None = None
        self._ended = threading.Event()
        """To wait for: a signal in the midst of `join` has Python take a thread for ended (3.10 to 3.12)."""
        threading.Thread(target=self._run, name="fetch", daemon=True).start()

    @property
    def failed(self) -> bool:
        return self._ended.is_set() and self._error is not None

    def wait(self, waiting: Callable[[], None]) -> None:
        """Until it is whole; `waiting` is called meanwhile. Raises DownloadError. Interrupted, it is stopped, and what
        came is kept."""
        try:
            waiting()
            while not self._ended.wait(SECONDS):
                waiting()
        except BaseException:
            self.stop()
            raise
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        self.fetch.stop()
        self._ended.wait()

    def _run(self) -> None:
        try:
            self.fetch.run()
        except BaseException as error:
            self._error = error
        finally:
            self._ended.set()


def run_fetch(fetch: Fetch, waiting: Callable[[], None]) -> None:
    """As `fetch.run`, but not deaf meanwhile."""
    Running(fetch).wait(waiting)
