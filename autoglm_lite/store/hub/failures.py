"""Why a hub does not give what was asked for, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from autoglm_lite.errors import AutoglmError

Failure = Literal[
    "refused", "missing", "busy", "trouble", "connection", "unchecked", "wrong", "full", "taken", "unwritable"
]
SENTENCES: Mapping[Failure, str] = {
    "refused": "{host} does not give {name} to everyone (HTTP {status}): take another model.",
    "missing": "{host} has no {name} any more (HTTP {status}): take another model.",
    "busy": "{host} has too much to do (HTTP {status}): try again later; what came is kept.",
    "trouble": "{host} cannot answer as it should (HTTP {status}): try again later; what came is kept.",
    "connection": "The connection to {host} fails ({why}): look at the network and go on; what came is kept.",
    "unchecked": "{host} does not say how {name} can be checked: perhaps this network wants you to log in first.",
    "wrong": "What came of {name} is not what {host} has, so it was thrown away: get it again.",
    "full": "The disk has too little room for {name}: it needs {needed} MB more and has {free} MB; what came is kept.",
    "taken": "Another autoglm-lite is getting {name} already.",
    "unwritable": "The folder {folder} cannot be written ({why}): check it and go on.",
}


class DownloadError(AutoglmError):
    """A download ended without the file; `kind` and `facts` say it in any language."""

    def __init__(self, kind: Failure, **facts: object) -> None:
        super().__init__(SENTENCES[kind].format(**facts))
        self.kind, self.facts = kind, facts
