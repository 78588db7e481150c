"""What a stored file's header says, kept so that it need not be read again: a large vocabulary takes half a second."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autoglm_lite import __version__
from autoglm_lite.paths import cache_dir, private_dir
from autoglm_lite.replacing import replace_file

if TYPE_CHECKING:
    from autoglm_lite.gguf.facts import ModelFacts

MOST_BYTES = 4 << 20


def stored_facts(path: Path) -> ModelFacts:
    """As `read_facts`, from the cache where that knows this very file. Raises ModelFileError."""
    from autoglm_lite.gguf.facts import read_facts

    try:
        kept = _kept(path)
    except OSError:
        return read_facts(path)
    known = _read(kept)
    if known is not None:
        return replace(known, path=path)
    facts = read_facts(path)
    # Of a file that changes meanwhile nothing is kept.
    with suppress(OSError):
        if _kept(path) == kept:
            _write(kept, facts)
    return facts


def facts_folder() -> Path:
    return cache_dir() / "facts"


def kept_for(paths: list[Path]) -> set[str]:
    """The names of the cache's files that stand for `paths` as they are now."""
    names = set()
    for path in paths:
        with suppress(OSError):
            names.add(_kept(path).name)
    return names


def _kept(path: Path) -> Path:
    """Where the facts of this very file are kept, by this version of the program. Raises OSError."""
    status = path.stat()
    key = (str(path.absolute()), status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, __version__)
    return facts_folder() / (hashlib.sha256(repr(key).encode("utf-8", "surrogatepass")).hexdigest()[:32] + ".json")


def _read(kept: Path) -> ModelFacts | None:
    import msgspec

    from autoglm_lite.gguf.facts import ModelFacts

    with suppress(OSError, ValueError, msgspec.MsgspecError):
        descriptor = os.open(kept, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            return msgspec.json.decode(file.read(MOST_BYTES), type=ModelFacts, dec_hook=_from_text)
    return None


def _write(kept: Path, facts: ModelFacts) -> None:
    """Raises OSError; the cache does without then."""
    import msgspec

    private_dir(kept.parent)
    content = msgspec.json.encode(facts, enc_hook=lambda value: os.fsencode(value).hex())
    replace_file(kept, content, durable=False)


def _from_text(kind: type, text: Any) -> Path:
    """Of all that is in there only paths have no form in JSON; those may be no UTF-8."""
    if not issubclass(kind, Path):
        raise NotImplementedError
    return Path(os.fsdecode(bytes.fromhex(text)))
