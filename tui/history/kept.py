"""Questions that were begun, with the files that are to go with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autoglm_lite.chat.attachments import Attachment, from_json, to_json
from tui.history.drafts import Drafts


@dataclass(frozen=True, slots=True)
class Draft:
    text: str = ""
    attached: tuple[Attachment, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.text.strip() and not self.attached


NONE = Draft()


class KeptDrafts:
    """Files are kept beside the texts, so that they are not written anew with each letter. Never raises."""

    def __init__(self, folder: Path) -> None:
        self._texts = Drafts(folder / "drafts")
        self._attached = Drafts(folder / "attached")

    def keep(self, name: str, draft: Draft, before: Draft | None = None) -> None:
        """`before`: as it is on disk already, if that is known."""
        if before is None or draft.text != before.text:
            self._texts.keep(name, draft.text)
        if before is None or draft.attached != before.attached:
            self._attached.keep(name, to_json(draft.attached) if draft.attached else "")

    def read(self, name: str) -> Draft:
        return Draft(self._texts.read(name), _attachments(self._attached.read(name)))

    def take(self, name: str) -> Draft:
        """Reads it, and forgets it."""
        draft = self.read(name)
        self.keep(name, NONE)
        return draft


def _attachments(written: str) -> tuple[Attachment, ...]:
    try:
        return from_json(written) if written else ()
    except (ValueError, KeyError, TypeError):
        return ()
