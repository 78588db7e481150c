"""From sampled bytes to whole characters, and stopping before a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Takes the bytes of tokens and gives back text that is certain: whole characters, no start of a stop string.

    The text pieces joined are the same whatever the tokens cut; invalid bytes become U+FFFD.
    """

    def __init__(self, stop: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = [s for s in stop if s]
        self._held = ""
        self.stopped_by: str | None = None
        """The stop string that was found; nothing after it comes out."""

    @property
    def stopped(self) -> bool:
        return self.stopped_by is not None

    def feed(self, data: bytes) -> str:
        return self._release(self._decoder.decode(data), last=False)

    def finish(self) -> str:
        """What was held back, at the end of the answer."""
        return self._release(self._decoder.decode(b"", final=True), last=True)

    def _release(self, text: str, *, last: bool) -> str:
        if self.stopped:
            return ""
        if not self._stop:
            return text
        self._held += text
        found = [(at, s) for s in self._stop if (at := self._held.find(s)) >= 0]
        if found:
            at, self.stopped_by = min(found)
            return self._take(at)
        return self._take(len(self._held) if last else self._certain())

    def _certain(self) -> int:
        """How much of the held text can no longer be the start of a stop string."""
        longest = max(len(s) for s in self._stop)
        for at in range(max(0, len(self._held) - longest + 1), len(self._held)):
            if any(s.startswith(self._held[at:]) for s in self._stop):
                return at
        return len(self._held)

    def _take(self, n: int) -> str:
        text, self._held = self._held[:n], self._held[n:]
        return text
