"""A file for what is exported: a name that every file system takes, written whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path
from unicodedata import category, normalize

from autoglm_lite.errors import AutoglmError
from tui.words.history import Words

MOST_BYTES = 255
"""Of a name, in UTF-8: what ext4, btrfs, APFS and NTFS take."""
FORBIDDEN = dict.fromkeys(map(ord, '/\\:*?"<>|'), " ")
"""By FAT, NTFS or Linux."""
DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{name}{i}" for name in ("COM", "LPT") for i in range(1, 10))}
"""Names that Windows keeps for itself, whatever their ending."""
BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
"""Turn the order of letters about, so that a name would seem another."""


class ExportError(AutoglmError):
    """A file cannot be written."""


class ExistsError(ExportError):
    """There is a file of that name."""


def file_name(title: str, ending: str, number: int = 1) -> str:
    """`title` as a file's name with `ending` (".md"); a `number` above 1 is added."""
    ending = (f" ({number})" if number > 1 else "") + ending
    letters = (letter for letter in normalize("NFC", title).translate(FORBIDDEN) if _may_stand(letter))
    stem = " ".join("".join(letters).split()).strip(". ") or "conversation"
    if stem.partition(".")[0].rstrip().upper() in DEVICES:
        stem = f"_{stem}"
    room = MOST_BYTES - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + ending


def free_path(folder: Path, title: str, ending: str) -> Path:
    """One that is not taken now."""
    for number in range(1, 1000):
        path = folder / file_name(title, ending, number)
        if not os.path.lexists(path):
            return path
    return folder / file_name(title, ending)


def export_folder() -> Path:
    """The working folder, or where that is not to be written in, the user's documents."""
    here, home = Path.cwd(), Path.home()
    return next((folder for folder in (here, home / "Documents", home) if _is_writable(folder)), here)


def write_file(path: Path, text: str, words: Words, *, replace: bool = False) -> Path:
    """Returns where it is. Raises ExistsError unless it may be replaced, and ExportError, which says why not."""
    path = Path(os.path.realpath(path))
    beside = path.parent / f".autoglm-lite-{secrets.token_hex(4)}"
    try:
        if path.is_dir():
            raise ExportError(words.is_folder.format(path=path))
        if not replace and os.path.lexists(path):
            raise ExistsError(words.exists.format(name=path.name))
        try:
            with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666), "wb") as file:
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            _put(beside, path, replace)
        finally:
            beside.unlink(missing_ok=True)
    except FileExistsError as error:
        raise ExistsError(words.exists.format(name=path.name)) from error
    except OSError as error:
        raise ExportError(_sentence(error, path, words)) from error
    return path


def _put(beside: Path, path: Path, replace: bool) -> None:
    if not replace:
        try:
            # Unlike a renaming, a link fails where another program has just made a file of that name.
            os.link(beside, path)
        except FileExistsError:
            raise
        except OSError:
            # FAT has no links.
            if os.path.lexists(path):
                raise FileExistsError from None
        else:
            return
    beside.replace(path)


def _sentence(error: OSError, path: Path, words: Words) -> str:
    sentences = {
        errno.EACCES: words.no_permission,
        errno.EPERM: words.no_permission,
        errno.ENOENT: words.no_folder,
        errno.ENOTDIR: words.no_folder,
        errno.ENOSPC: words.no_space,
        errno.EDQUOT: words.no_space,
        errno.EROFS: words.read_only,
        errno.ENAMETOOLONG: words.name_too_long,
    }
    sentence = sentences.get(error.errno or 0, words.not_written)
    return sentence.format(path=path, folder=path.parent, why=error.strerror)


def _may_stand(letter: str) -> bool:
    return ord(letter) not in BIDI and category(letter) not in ("Cc", "Cs", "Zl", "Zp")


def _is_writable(folder: Path) -> bool:
    with suppress(OSError):
        return folder.is_dir() and os.access(folder, os.W_OK)
    return False
