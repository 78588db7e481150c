"""A file becomes text for the model, or one sentence says why it does not."""

from __future__ import annotations

import codecs
import stat
from pathlib import Path

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.errors import AutoglmError
from tui.composer import pdf
from tui.words.composer import Words

MOST_BYTES = 4_000_000
"""More than any context of such a machine holds: a million tokens of English."""
PDF = b"%PDF-"
PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".heic", ".avif", ".svgz"}


class UnreadableError(AutoglmError):
    """A file that cannot be given to the model."""


def read_file(path: Path, words: Words) -> Attachment:
    """The text of a file in UTF-8, UTF-16 with its mark, or Chinese GB 18030, or of a PDF. Raises UnreadableError."""
    if path.suffix.lower() in PICTURES:
        raise UnreadableError(words.no_pictures.format(name=path.name))
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UnreadableError(words.a_folder.format(name=path.name))
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableError(words.no_file.format(name=path.name))
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if is_pdf := data.startswith(PDF):
            data = _from_pdf(path, words)
    except OSError as error:
        raise UnreadableError(words.unreadable.format(name=path.name, why=error.strerror or error)) from error
    if len(data) > MOST_BYTES:
        size = len(data) if is_pdf else found.st_size
        sizes = {"size": f"{size / 1e6:,.1f} MB", "most": f"{MOST_BYTES / 1e6:,.0f} MB"}
        raise UnreadableError(words.too_many_bytes.format(name=path.name, **sizes))
    text = decoded(data)
    if text is None:
        raise UnreadableError(words.no_text.format(name=path.name))
    if not text.strip():
        raise UnreadableError(words.empty_file.format(name=path.name))
    return Attachment(path.name, text)


def _from_pdf(path: Path, words: Words) -> bytes:
    if not pdf.has_reader():
        raise UnreadableError(words.no_pdf.format(name=path.name))
    text = pdf.text_of(path, MOST_BYTES + 1)
    if text is None or not text.strip():
        raise UnreadableError(words.pdf_without_text.format(name=path.name))
    return text


def decoded(data: bytes) -> str | None:
    """None for what is no text."""
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16")
        if b"\0" in data:
            return None
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    # Nearly any bytes are some text in GB 18030; only Chinese reads as Chinese.
    beyond = [letter for letter in text if letter > "\x7f"]
    chinese = sum("\u3000" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef" for letter in beyond)
    return text if chinese >= 0.95 * len(beyond) else None


def about_tokens(text: str) -> int:
    """How many tokens `text` has, roughly: a token has some four letters, or one and a half Chinese characters."""
    ascii_letters = sum(letter < "\x80" for letter in text) if not text.isascii() else len(text)
    return round(ascii_letters / 4 + (len(text) - ascii_letters) / 1.5)
