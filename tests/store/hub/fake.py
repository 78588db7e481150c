"""What the hub has, what is to go wrong, and what it was asked for."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

Place = Literal["api", "hub", "store"]
"""`api`: what lists a repository. `hub`: the address of a file, which redirects. `store`: where its bytes lie."""
LARGE = (".gguf", ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".zip", ".model", ".npz")
"""What the hubs keep outside Git, whatever its size."""
GIT_BYTES = 10_000_000
GOOD_TOKEN = "hf_good"


@dataclass(frozen=True)
class Asked:
    place: Place
    path: str
    """With its query."""
    file: str | None
    """org/repo/file, where it is about one."""
    range: str | None = None
    if_range: str | None = None
    token: str | None = None
    method: str = "GET"


@dataclass
class FakeHub:
    """Each fault of `faults` befalls the next request to its place, in order; then all goes well. They are:

    - to the store, plain words: `cut` and `stall` after two thirds of the bytes, `lie` (about where they begin and how
      many they are), `wrong` (a byte of them), `short` (an honest answer with fewer than asked for), `whole` (the range
      is ignored), `reset` (the connection, at a third), `mute` (not even a status), `gzip` (a body that was asked for
      as it is), `chunked` (without a length), `weak` (an ETag that holds nothing together), `expired` (all addresses
      given until now), `slow` (see `pace`), `page` (a network's log-in page with status 200), or a status: `416`,
      `429` with Retry-After, `503` ...
    - `hub ...` to the address of a file: `hub 503` (any status), `hub silent` (no X-Linked-*), `hub circle`,
      `hub elsewhere` (a redirect to ftp), `hub cut`, `hub page`.
    - `api ...` to what lists a repository: `api 503` (any status), `api cut`, `api nonsense`, `api page`.
    """

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: Collection[str] = ()
    """Repositories for those with a good token who have agreed on their pages."""
    agreed: Collection[str] = ()
    """Those of them for which that has happened."""
    private: Collection[str] = ()
    """Which look as if they were missing, to anyone without a good token."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    licences: Mapping[str, str] = field(default_factory=dict)
    tokens: Collection[str] = (GOOD_TOKEN,)
    faults: list[str] = field(default_factory=list)
    pace: float = 0.0
    """Seconds between pieces of 50 kB, of all answers of the store; 0.05 where a fault says slow."""
    per_page: int = 1000
    """Entries of Hugging Face's tree. Tests of pages make it small."""
    most_listed: int = 3000
    """Entries of ModelScope's list, which leaves out the rest and does not say so (modelscope_hub: constants.py)."""
    ms_range_status: int = 206
    """What ModelScope's store answers to a range; 200 with a Content-Range has been seen."""
    lies: dict[str, str] = field(default_factory=dict)
    """SHA-256 that the hub tells of org/repo/file, where it is not the true one."""
    spoiled: set[str] = field(default_factory=set)
    """org/repo/file of which a byte is always wrong."""
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    """Hugging Face's."""
    ms_url: str = ""
    store_url: str = ""
    """Of another origin."""
    given: Counter[str] = field(default_factory=Counter)
    """Bytes of each org/repo/file that the store has sent."""
    released: threading.Event = field(default_factory=threading.Event)
    """Ends what stalls."""
    generation: int = 0
    """Addresses of the store from before are refused."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def environ(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.url, "MODELSCOPE_ENDPOINT": self.ms_url}

    def content(self, repo: str, file: str) -> bytes | None:
        return self.repositories.get(repo, {}).get(file)

    def commit(self, repo: str) -> str:
        """As Git's: another one for other files."""
        names = "\n".join(f"{name} {sha256(content)}" for name, content in sorted(self.repositories[repo].items()))
        return hashlib.sha1(names.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()

    def told_sha256(self, repo: str, file: str) -> str:
        return self.lies.get(f"{repo}/{file}") or sha256(self.repositories[repo][file])

    def expire(self) -> None:
        """Voids all addresses of the store that were given."""
        with self.lock:
            self.generation += 1

    def note(self, asked: Asked) -> str:
        """Keeps it, and returns the fault that befalls it."""
        with self.lock:
            self.asked.append(asked)
            for n, fault in enumerate(self.faults):
                place, _, kind = fault.rpartition(" ")
                if (place or "store") == asked.place:
                    del self.faults[n]
                    return kind
            return ""

    def count(self, place: Place, file: str | None = None) -> int:
        """Requests so far; `file` is org/repo/file."""
        return sum(one.place == place and file in (None, one.file) for one in list(self.asked))

    def ranges(self, file: str | None = None) -> list[str | None]:
        """That the store was asked for."""
        return [one.range for one in list(self.asked) if one.place == "store" and file in (None, one.file)]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_hash(content: bytes) -> str:
    """Of a blob."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def is_large(file: str, content: bytes) -> bool:
    return file.endswith(LARGE) or len(content) > GIT_BYTES
