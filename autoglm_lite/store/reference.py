"""What a user writes to say which model: hf:org/repo, ms:org/repo/file.gguf, an address, a path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from autoglm_lite.errors import UsageError
from autoglm_lite.store.type_names import type_named

Hub = Literal["hf", "ms"]


@dataclass(frozen=True, slots=True)
class HubReference:
    """A repository of Hugging Face (`hf`) or ModelScope (`ms`), or a file in it."""

    hub: Hub
    repo: str
    """org/repo."""
    file: str | None = None
    """Within the repository, with / between folders."""
    type: str | None = None
    """Such as Q4_K_M."""

    def __str__(self) -> str:
        file = "" if self.file is None else f"/{self.file}"
        return f"{self.hub}:{self.repo}{file}{'' if self.type is None else ':' + self.type}"


@dataclass(frozen=True, slots=True)
class WebReference:
    address: str
    """https, or http to this computer."""

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class LocalReference:
    path: Path

    def __str__(self) -> str:
        return str(self.path)


_HOSTS: dict[str, Hub] = {
    "huggingface.co": "hf",
    "www.huggingface.co": "hf",
    "hf.co": "hf",
    "hf-mirror.com": "hf",
    "modelscope.cn": "ms",
    "www.modelscope.cn": "ms",
}
_REPO_PART = re.compile(r"[\w.-]{1,96}", re.ASCII)
_MAIN = ("main", "master")

Reference: TypeAlias = "HubReference | WebReference | LocalReference"


def read_reference(text: str) -> Reference | None:
    """None for what may only be a name. The address of a page of a hub is as good as hf: or ms:.

    Raises UsageError for what begins as a reference and is none.
    """
    text = text.strip()
    if text[:3].lower() in ("hf:", "ms:"):
        # As other programs have it: hf://org/repo, and with a / that a shell or a browser put behind it.
        return _hub(text[:3].lower() + text[3:].removeprefix("//").removesuffix("/"))
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        return _web(text)
    if text.partition("/")[0].lower() in _HOSTS:
        return _web(f"https://{text}")
    if "/" in text or text.endswith(".gguf") or text.startswith(("~", ".")):
        return LocalReference(Path(text))
    return None


def _hub(text: str) -> HubReference:
    hub: Hub = "hf" if text.startswith("hf:") else "ms"
    rest, _, kind = text[3:].partition(":")
    parts = rest.split("/")
    if len(parts) < 2 or not all(map(_sound, parts)) or not all(map(_REPO_PART.fullmatch, parts[:2])):
        raise UsageError(f"{text[:100]!r} names no repository: write it such as {hub}:org/repo or {hub}:org/repo/file.")
    named = type_named(kind)
    if ":" in text[3:] and named is None:
        raise UsageError(f"{kind[:40]!r} is no type of a GGUF: write one such as :Q4_K_M or :Q8_0 behind the name.")
    return HubReference(hub, "/".join(parts[:2]), "/".join(parts[2:]) or None, named)


def _web(text: str) -> WebReference | HubReference:
    try:
        # As a browser does with what people paste; what is encoded already stays as it is.
        text = quote(text, safe="%/:?#[]@!$&'()*+,;=~")
        parts = urlsplit(text)
        port_is_sound = parts.port != 0
    except ValueError:
        raise UsageError(f"{text[:100]!r} is no address.") from None
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not port_is_sound or not (parts.scheme == "https" or (parts.scheme == "http" and here)):
        raise UsageError(f"{text[:100]!r} is no address to get a model from: give one that begins with https://.")
    if parts.username or parts.password:
        raise UsageError("An address with a password in it is not used: it would be kept on the disk.")
    return _page(parts.hostname, unquote(parts.path).strip("/").split("/")) or WebReference(text)


def _page(host: str, names: list[str]) -> HubReference | None:
    """What the page of a hub is about: a repository, or one of its files, as it is now. Raises UsageError."""
    hub = _HOSTS.get(host)
    if hub == "ms" and names[:1] == ["models"]:
        names = names[1:]
    if hub is None or len(names) < 2 or names[0] in ("api", "datasets", "spaces", "collections", "papers", "docs"):
        return None
    repo, rest = "/".join(names[:2]), names[2:]
    if rest[:2] == ["file", "view"]:
        rest = rest[1:]
    if len(rest) > 2 and rest[0] in ("blob", "resolve", "view") and rest[1] in _MAIN:
        return _hub(f"{hub}:{repo}/{'/'.join(rest[2:])}")
    if len(rest) < 2 or (rest[0] == "tree" and rest[1] in _MAIN):
        return _hub(f"{hub}:{repo}")
    if rest[0] == "resolve":
        return None
    raise UsageError(f"Which model that page is about cannot be told: give {hub}:{repo}, or the address of a file.")


def _sound(part: str) -> bool:
    """A part of a path within a repository."""
    return part not in ("", ".", "..") and part.isprintable() and "\\" not in part and len(part.encode()) <= 255
