"""One answer as it is written: finished blocks as Markdown, the open one as plain text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from tui.conversation.block import Block
from tui.conversation.code import CodeBlock
from tui.conversation.message import Handle, MessageView
from tui.conversation.pace import gap
from tui.conversation.stream import TailBuffer
from tui.conversation.tail import Tail
from tui.conversation.thoughts import Thoughts
from tui.text import printable
from tui.words.conversation import Words


class AnswerView(MessageView):
    """Text is fed to it as it comes and painted now and then by a task of its own; `finish` paints the rest."""

    kind = "answer"

    def __init__(
        self, words: Words, answer: str = "", reasoning: str = "", note: str = "", version: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__(version)
        self.text = answer
        self.is_broken_off = False
        """Whether it ended before its end."""
        self._taken: CodeBlock | None = None
        """The block of code that was copied last."""
        self._buffer = TailBuffer()
        self._words = words
        self.thoughts = Thoughts(words, reasoning) if reasoning else None
        self._tail: Tail | None = None
        self._note = _note_of(note) if note else None
        self._stale = asyncio.Event()
        self._painting: asyncio.Task[None] | None = None
        self._began: float | None = None
        """When the first reasoning came."""
        self._thought = 0.0

    def compose(self) -> ComposeResult:
        if self.thoughts is not None:
            yield self.thoughts
        yield from _widgets_of(printable(self.text))
        if self._note is not None:
            yield self._note

    @property
    def source(self) -> str:
        return self.text

    @property
    def has_thoughts(self) -> bool:
        return self.thoughts is not None

    @property
    def has_links(self) -> bool:
        """Whether what is finished has any."""
        return any(block.has_links for block in self.query_children(Block))

    def fences(self) -> list[CodeBlock]:
        """Blocks of code that are finished, from top to bottom."""
        return list(self.query_children(CodeBlock))

    def next_fence(self) -> CodeBlock | None:
        """The block of code after the one taken before, which is marked; None if there is no code."""
        fences = self.fences()
        if not fences:
            return None
        number = fences.index(self._taken) + 1 if self._taken in fences else 0
        self._leave_fence()
        self._taken = fences[number % len(fences)]
        self._taken.add_class("taken")
        return self._taken

    @property
    def taken(self) -> tuple[int, int]:
        """Which block of code was taken last, of how many."""
        fences = self.fences()
        return (fences.index(self._taken) + 1 if self._taken in fences else 0), len(fences)

    def pick(self, handles: Sequence[Handle]) -> None:
        super().pick(handles)
        if not handles:
            self._leave_fence()

    def _leave_fence(self) -> None:
        if self._taken is not None:
            self._taken.remove_class("taken")
            self._taken = None

    @property
    def nothing_came(self) -> bool:
        """Whether neither reasoning nor answer has come."""
        return not self.text and self._began is None

    async def reopen(self) -> None:
        """More will be fed to it, which may belong to its last block."""
        with self.app.batch_update():
            await self.remove_children([child for child in self.children if isinstance(child, Block | CodeBlock)])
            self._buffer = TailBuffer()
            self._buffer.feed(printable(self.text))
            await self._say("", failed=False)
            await self._paint()

    def reason(self, text: str, n_tokens: int = 0) -> None:
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        self._thought = now - self._began
        if self.thoughts is None:
            self.thoughts = Thoughts(self._words)
        self.thoughts.add(text, n_tokens)
        self._grow()

    def feed(self, text: str) -> None:
        self.text += text
        self._buffer.feed(printable(text))
        self._grow()

    async def finish(self, note: str = "", *, failed: bool = False) -> None:
        """Paints all that came; `note` is put under it. May be called again with another note."""
        if self._painting is not None:
            painting, self._painting = self._painting, None
            painting.cancel()
            # Its paint, if one is going on, is shielded: text is neither lost nor painted twice.
            with suppress(asyncio.CancelledError):
                await painting
        await self._paint(last=True)
        await self._say(note, failed=failed)

    def toggle_thoughts(self) -> bool:
        """Returns whether there are any."""
        if self.thoughts is not None and self.thoughts.is_attached:
            self.thoughts.toggle()
        return self.has_thoughts

    def _grow(self) -> None:
        self._stale.set()
        if self._painting is None:
            self._painting = asyncio.create_task(self._paint_on())

    async def _paint_on(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            worked, began = time.process_time(), time.monotonic()
            await asyncio.shield(self._paint())
            # Most of a paint's work, layout and output, is done by others a moment later.
            await asyncio.sleep(gap(0))
            pause = gap(time.process_time() - worked, seen=self._is_seen()) - (time.monotonic() - began)
            await asyncio.sleep(max(pause, 0))

    async def _paint(self, last: bool = False) -> None:
        if not self.is_attached:
            return
        finished = self._buffer.take_all() if last else self._buffer.take()
        with self.app.batch_update():
            if self.thoughts is not None and self._began is not None:
                if not self.thoughts.is_attached:
                    await self.mount(self.thoughts, before=next(iter(self.children), None))
                self.thoughts.paint(self._thought, over=last or bool(self.text))
            if blocks := _widgets_of(finished):
                await self.mount_all(blocks, before=self._tail or self._note or self.foot)
            await self._put_tail(self._buffer.tail.strip("\n"), last=last)

    async def _put_tail(self, text: str, *, last: bool) -> None:
        if text and self._tail is None:
            self._tail = Tail()
            await self.mount(self._tail, before=self._note or self.foot)
        if self._tail is not None:
            await self._tail.put(text)
            if last:
                await self._tail.remove()
                self._tail = None

    async def _say(self, note: str, *, failed: bool) -> None:
        """Under the answer."""
        if self._note is not None:
            await self._note.remove()
            self._note = None
        if note:
            self._note = _note_of(note)
            self._note.set_class(failed, "failed")
            await self.mount(self._note, before=self.foot)

    def _is_seen(self) -> bool:
        """Whether the end, where the text grows, is in view."""
        return self.is_attached and self.query_ancestor(VerticalScroll).is_vertical_scroll_end


def _note_of(note: str) -> Static:
    return Static(note, markup=False, classes="note")


def _widgets_of(text: str) -> list[Widget]:
    if not text.strip():
        return []
    # What reads Markdown is imported with the first answer.
    from tui.conversation.markdown import widgets_of

    return widgets_of(text)
