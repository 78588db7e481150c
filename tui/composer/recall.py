"""Questions asked before, to be taken up again."""

from __future__ import annotations

from collections.abc import Iterable


class Recall:
    """Walks back and forth through what was sent; what was being written waits at the near end."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._at = 0
        self._draft = ""

    def add(self, text: str) -> None:
        if not self._sent or self._sent[-1] != text:
            self._sent.append(text)
        self._at = len(self._sent)
        self._draft = ""

    def add_before(self, texts: Iterable[str]) -> None:
        """What was sent before all that is here, the oldest first; where one walks now stays the same."""
        earlier: list[str] = []
        for text in texts:
            if not earlier or earlier[-1] != text:
                earlier.append(text)
        if earlier and self._sent and earlier[-1] == self._sent[0]:
            earlier.pop()
        self._sent[:0] = earlier
        self._at += len(earlier)

    def back(self, current: str) -> str | None:
        """The one before; `current` is what is in the box now. None at the far end."""
        if self._at == 0:
            return None
        if self._at == len(self._sent):
            self._draft = current
        self._at -= 1
        return self._sent[self._at]

    def forth(self) -> str | None:
        """The one after, at last what was being written. None there."""
        if self._at == len(self._sent):
            return None
        self._at += 1
        return self._draft if self._at == len(self._sent) else self._sent[self._at]
