"""How the hubs are reached: their addresses, and the tokens that open what is not everyone's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from autoglm_lite.errors import UsageError
from autoglm_lite.store.reference import HubReference

HF, MS = "https://huggingface.co", "https://modelscope.cn"
HF_LOGIN, MS_LOGIN = "`hf auth login` or HF_TOKEN", "MODELSCOPE_API_TOKEN"
"""What one does to be known there."""
MOST_TOKEN = 4096


@dataclass(frozen=True, slots=True)
class Access:
    hf: str = HF
    ms: str = MS
    hf_token: str | None = None
    ms_token: str | None = None

    def headers(self, address: str) -> dict[str, str]:
        """What a request to `address` proves who we are by: a token goes to the hub that gave it and nowhere else."""
        if self.hf_token and is_of(address, self.hf):
            return {"Authorization": f"Bearer {self.hf_token}"}
        if self.ms_token and is_of(address, self.ms):
            # Older parts of ModelScope take the token as a cookie only (modelscope_hub: _legacy_api.py).
            return {"Authorization": f"Bearer {self.ms_token}", "Cookie": f"m_session_id={self.ms_token}"}
        return {}


def read_access(environ: Mapping[str, str]) -> Access:
    """What HF_ENDPOINT, HF_TOKEN, `hf auth login` and their like have set (huggingface_hub: constants.py,
    utils/_auth.py). Raises UsageError for an address or a token that is none."""
    return Access(
        _endpoint(environ, "HF_ENDPOINT", HF),
        _endpoint(environ, "MODELSCOPE_ENDPOINT", MS),
        _token(environ, "HF_TOKEN") or _token(environ, "HUGGING_FACE_HUB_TOKEN") or _kept(environ),
        _token(environ, "MODELSCOPE_API_TOKEN"),
    )


def address_of(reference: HubReference, revision: str, access: Access) -> str:
    """Of a file, which `reference` has to name."""
    assert reference.file is not None
    file, at = quote(reference.file), quote(revision, safe="")
    if reference.hub == "hf":
        return f"{access.hf}/{reference.repo}/resolve/{at}/{file}"
    return f"{access.ms}/models/{reference.repo}/resolve/{at}/{file}"


def _endpoint(environ: Mapping[str, str], name: str, usual: str) -> str:
    found = (environ.get(name) or usual).rstrip("/")
    if urlsplit(found).scheme not in ("http", "https") or not urlsplit(found).hostname:
        raise UsageError(f"{name}={found[:60]} is no address: give one such as {usual}.")
    return found


def _token(environ: Mapping[str, str], name: str) -> str | None:
    found = environ.get(name, "").strip()
    if not _is_token(found):
        raise UsageError(f"{name} is no token: letters, digits and _ are what the hub gives.")
    return found or None


def _kept(environ: Mapping[str, str]) -> str | None:
    """Where `hf auth login` puts it."""
    home = environ.get("HF_HOME") or str(
        Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "~")) / ".cache") / "huggingface"
    )
    path = Path(environ.get("HF_TOKEN_PATH") or Path(home) / "token")
    try:
        with path.expanduser().open(encoding="utf-8") as file:
            token = file.read(MOST_TOKEN).strip()
    except (OSError, ValueError, RuntimeError):
        return None
    return token if _is_token(token) and token else None


def _is_token(text: str) -> bool:
    """Whether it can be sent without being taken for anything else."""
    return text.isascii() and text.isprintable() and " " not in text and ";" not in text


def is_of(address: str, endpoint: str) -> bool:
    """Whether the address is of the same origin as the endpoint."""
    return _origin(address) == _origin(endpoint)


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
