"""Why a hub does not give what was asked for, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from autoglm_lite.errors import AutoglmError

Failure = Literal[
    "refused",
    "gated",
    "token",
    "hidden",
    "missing",
    "busy",
    "trouble",
    "connection",
    "mirror",
    "unreachable",
    "listing",
    "unchecked",
    "page",
    "changed",
    "wrong",
    "full",
    "unwritable",
]
SENTENCES: Mapping[Failure, str] = {
    "refused": "{host} does not give {name} to everyone (HTTP {status}): take another model.",
    "gated": "{host} gives {name} only to those who have agreed to its terms: open {page} and agree there, log in here"
    " with {login}, and ask again.",
    "token": "{host} does not take the token that is kept here: log in again with {login}.",
    "hidden": "{host} has no {name} that it would show you: look at how the name is written; if it is private, log in"
    " with {login}.",
    "missing": "{host} has no {name} any more (HTTP {status}): take another model.",
    "busy": "{host} has too much to do (HTTP {status}): try again later; what came is kept.",
    "trouble": "{host} cannot answer as it should (HTTP {status}): try again later; what came is kept.",
    "connection": "The connection to {host} fails ({why}): look at the network and go on; what came is kept.",
    "mirror": "{host}, which {variable} names, cannot be reached ({why}): correct {variable}, or do without it.",
    "unreachable": "{host} cannot be reached ({why}): look at the network. Where that hub is out of reach, HF_ENDPOINT"
    " names a mirror of it, and ms: in place of hf: asks ModelScope.",
    "listing": "What {host} says of {name} cannot be used ({why}): nothing of it is fetched.",
    "unchecked": "{host} does not say how {name} can be checked: perhaps this network wants you to log in first.",
    "page": "{host} gives something else instead of {name}: perhaps this network wants you to log in first, in a"
    " browser; what came is kept.",
    "changed": "{host} has another {name} now than it said before: ask again for what it has.",
    "wrong": "What came of {name} is not what {host} has, so it was thrown away: get it again.",
    "full": "The disk has too little room for {name}: it needs {needed} MB more and has {free} MB; what came is kept.",
    "unwritable": "The folder {folder} cannot be written ({why}): check it and go on.",
}


class DownloadError(AutoglmError):
    """A download ended without the file; `kind` and `facts` say it in any language."""

    def __init__(self, kind: Failure, **facts: object) -> None:
        super().__init__(SENTENCES[kind].format(**facts))
        self.kind, self.facts = kind, facts
