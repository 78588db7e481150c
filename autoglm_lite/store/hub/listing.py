"""What is in a repository, as its hub's API says.

Hugging Face: /api/models/{repo}/revision/{revision}?blobs=true (huggingface_hub: hf_api.py, model_info). ModelScope:
/api/v1/models/{repo}/repo/files?Revision=&Recursive=True, which ends at 3,000 entries without saying so, and
/api/v1/models/{repo} (modelscope_hub: _legacy_api.py, constants.py; modelscope: hub/info.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress

from autoglm_lite.store.hub.access import HF, MS, is_of
from autoglm_lite.store.hub.asking import ask
from autoglm_lite.store.hub.client import Client, failure
from autoglm_lite.store.hub.failures import DownloadError
from autoglm_lite.store.hub.paths import is_safe_kind, is_safe_path
from autoglm_lite.store.hub.refusals import refused
from autoglm_lite.store.hub.repository import HubFile, Repository
from autoglm_lite.store.reference import HubReference

MOST_FILES = 10_000
MS_MOST_LISTED = 3_000
MOST_FILE_BYTES = 1 << 42
SYMLINK_MODE = "40960"
"""Git's, as ModelScope writes it."""
MAIN = {"hf": "main", "ms": "master"}


class _StrangeError(Exception):
    """An answer that is not as it should be; the text says how."""


def repository(reference: HubReference, client: Client) -> Repository:
    """The files that may come, of one commit. Raises DownloadError: gated, missing, out of reach, too long."""
    of_hf = reference.hub == "hf"
    address = f"{client.access.hf}/api/models/{reference.repo}" if of_hf else _ms(reference, client)
    try:
        return (_hugging_face if of_hf else _modelscope)(reference, address, client)
    except _StrangeError as strange:
        raise failure("listing", address, reference.repo, why=str(strange)) from strange
    except DownloadError as error:
        usual, variable = (HF, "HF_ENDPOINT") if of_hf else (MS, "MODELSCOPE_ENDPOINT")
        # Without a token 401 is said of what is missing as of what is private (huggingface_hub: utils/_http.py).
        if error.kind == "missing" or (error.kind == "refused" and error.facts.get("status") == 401):
            raise refused("hidden", address, reference.repo, client.access) from error
        if error.kind == "connection" and not is_of(address, usual):
            raise DownloadError("mirror", **error.facts, variable=variable) from error
        if error.kind == "connection" and of_hf:
            raise DownloadError("unreachable", **error.facts) from error
        raise


def _hugging_face(reference: HubReference, address: str, client: Client) -> Repository:
    told = _table(ask(f"{address}/revision/{MAIN['hf']}?blobs=true", reference.repo, client))
    gated = told.get("gated", False) not in (False, None)
    if gated and client.access.hf_token is None:
        raise refused("gated", address, reference.repo, client.access)
    commit = told.get("sha")
    if not isinstance(commit, str) or not re.fullmatch(r"[0-9a-f]{40,64}", commit):
        raise _StrangeError("it names no commit")
    card = told.get("cardData")
    files = _usable(_hf_file(_table(entry)) for entry in _entries(told.get("siblings")))
    return Repository(
        reference=HubReference(reference.hub, reference.repo),
        revision=commit,
        files=files,
        licence=_licence(card.get("license_name"), card.get("license")) if isinstance(card, dict) else None,
        gated=gated,
    )


def _hf_file(entry: dict[str, object]) -> HubFile:
    lfs = entry.get("lfs")
    if not isinstance(lfs, dict):
        return _file(entry.get("rfilename"), entry.get("size"), None)
    return _file(entry.get("rfilename"), lfs.get("size"), lfs.get("sha256"))


def _ms(reference: HubReference, client: Client) -> str:
    return f"{client.access.ms}/api/v1/models/{reference.repo}"


def _modelscope(reference: HubReference, address: str, client: Client) -> Repository:
    told = _data(ask(f"{address}/repo/files?Revision={MAIN['ms']}&Recursive=True", reference.repo, client))
    entries = _entries(told.get("Files"))
    if len(entries) >= MS_MOST_LISTED:
        raise _StrangeError(f"it has {MS_MOST_LISTED:,} files or more, and not all are told")
    files = _usable(_ms_file(entry) for entry in map(_table, entries) if entry.get("Type") == "blob")
    licence = None
    # Whoever made the model is not asked again: without it, it is only not said.
    with suppress(DownloadError, _StrangeError):
        licence = _licence(_data(ask(address, reference.repo, client, waits=())).get("License"))
    return Repository(HubReference(reference.hub, reference.repo), MAIN["ms"], files, licence)


def _ms_file(entry: dict[str, object]) -> HubFile:
    path = entry.get("Path")
    if entry.get("Mode") == SYMLINK_MODE:
        # It holds the name of another file, and is never fetched as what it seems.
        path = ""
    return _file(path, entry.get("Size"), entry.get("Sha256") or None)


def _file(path: object, n_bytes: object, sha256: object) -> HubFile:
    """Raises _StrangeError for what no hub says of a file."""
    if not isinstance(path, str):
        raise _StrangeError("a file has no name")
    if not isinstance(n_bytes, int) or isinstance(n_bytes, bool) or not 0 <= n_bytes < MOST_FILE_BYTES:
        raise _StrangeError("a file has no size")
    if sha256 is not None and not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-fA-F]{64}", sha256)):
        raise _StrangeError("a checksum is none")
    return HubFile(path, n_bytes, None if sha256 is None else sha256.lower())


def _usable(files: Iterable[HubFile]) -> tuple[HubFile, ...]:
    """Those that may come; Raises _StrangeError where two have one name."""
    found = [file for file in files if is_safe_path(file.path) and is_safe_kind(file.path)]
    if len({file.path.lower() for file in found}) < len(found):
        raise _StrangeError("two files have one name")
    return tuple(found)


def _entries(found: object) -> list[object]:
    if not isinstance(found, list):
        raise _StrangeError("it lists no files")
    if len(found) > MOST_FILES:
        raise _StrangeError(f"it lists more than {MOST_FILES:,} files")
    return found


def _table(found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise _StrangeError("it is not as the hub writes it")
    return found


def _data(found: object) -> dict[str, object]:
    """Of an answer of ModelScope."""
    return _table(_table(found).get("Data"))


def _licence(*found: object) -> str | None:
    """The first that says one, as it can be shown."""
    for name in found:
        if isinstance(name, str) and name.strip() and name.isprintable():
            return name.strip()[:80]
    return None
