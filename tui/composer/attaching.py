"""From a file or a long paste to an attachment above the box, or a sentence why not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autoglm_lite.chat.attachments import Attachment
from autoglm_lite.errors import AutoglmError
from tui.composer.chips import Attached
from tui.composer.reading import UnreadableError, about_tokens, read_file

if TYPE_CHECKING:
    from tui.app import ChatApp


async def attach_files(app: ChatApp, paths: Iterable[Path]) -> None:
    for path in paths:
        await attach_file(app, path)


async def attach_file(app: ChatApp, path: Path) -> None:
    try:
        attachment = await asyncio.to_thread(read_file, path, app.words.composer)
    except UnreadableError as error:
        app.warn(str(error))
    else:
        await attach(app, attachment)


async def attach_paste(app: ChatApp, text: str) -> None:
    """A text that is too long for the box."""
    words = app.words.composer
    name = words.pasted
    taken = {one.attachment.name for one in app.composer.attached}
    n = 1
    while name in taken:
        n += 1
        name = f"{words.pasted} {n}"
    await attach(app, Attachment(name, text.replace("\r\n", "\n").replace("\r", "\n")))


async def attach(app: ChatApp, attachment: Attachment) -> None:
    """Unless the context cannot hold it."""
    attached = await counted(app, attachment)
    n_ctx = app.desk.n_ctx
    # A guess is not far wrong; it is counted again when it is sent.
    if n_ctx is not None and attached.n_tokens >= (n_ctx if attached.counted else 2 * n_ctx):
        n_tokens = f"{attached.n_tokens:,}"
        app.warn(app.words.composer.too_long.format(name=attachment.name, n=n_tokens, n_ctx=f"{n_ctx:,}"))
        return
    app.composer.attach(attached)


async def counted(app: ChatApp, attachment: Attachment) -> Attached:
    """With its number of tokens, which the model tells where it is there and has nothing else to do."""
    guess, opened, n_ctx = about_tokens(attachment.text), app.desk.opened, app.desk.n_ctx
    # What is far too long need not be counted.
    if opened is not None and n_ctx is not None and app.desk.loaded and not app.asking.is_busy and guess < 4 * n_ctx:
        try:
            return Attached(attachment, len(await opened.model.tokenize(attachment.text, templated=False)), True)
        except AutoglmError:
            pass
    return Attached(attachment, guess, False)
