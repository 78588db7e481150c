"""Why a hub refuses, and what to do then.

Hugging Face says it in X-Error-Code, and a token that it does not know in X-Error-Message (huggingface_hub: errors.py,
utils/_http.py): its status alone does not tell, since what is missing, private or gated is 401 without a token.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from autoglm_lite.store.hub.access import HF_LOGIN, MS_LOGIN, Access, is_of
from autoglm_lite.store.hub.answers import Headers
from autoglm_lite.store.hub.failures import DownloadError, Failure

_BY_CODE: dict[str, Failure] = {"GatedRepo": "gated", "RepoNotFound": "hidden"}
_BAD_TOKEN = "Invalid credentials in Authorization header"


def refusal_of(address: str, label: str, status: int, headers: Headers, access: Access) -> DownloadError | None:
    """None where nothing but the status says why."""
    kind: Failure | None = _BY_CODE.get(headers.get("X-Error-Code", ""))
    if status == 401 and (headers.get("X-Error-Message") == _BAD_TOKEN or is_of(address, access.ms)):
        kind = "token" if access.headers(address) else "hidden"
    if kind is None or status not in (401, 403, 404):
        return None
    return refused(kind, address, label, access)


def refused(kind: Failure, address: str, label: str, access: Access) -> DownloadError:
    """With how one logs in there, and the page of the repository that `address` is about."""
    host, login = urlsplit(address).hostname, MS_LOGIN if is_of(address, access.ms) else HF_LOGIN
    return DownloadError(kind, host=host, name=label, page=page_of(address), login=login)


def page_of(address: str) -> str:
    """For people: of the repository that an address of the API, or of a file, is about."""
    parts = urlsplit(address)
    names = parts.path.lstrip("/").split("/")
    for prefix, shown in ((["api", "v1", "models"], "models/"), (["api", "models"], ""), (["models"], "models/")):
        if names[: len(prefix)] == prefix:
            return f"{parts.scheme}://{parts.netloc}/{shown}{'/'.join(names[len(prefix) :][:2])}"
    return f"{parts.scheme}://{parts.netloc}/{'/'.join(names[:2])}"
