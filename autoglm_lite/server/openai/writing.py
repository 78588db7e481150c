"""From what a model writes to the items of a response, and the events that tell of them as they grow.

Each event is its type and its fields, in the order of OpenAI's streams: an item is added, then its part, which grows
and is done, then the item is done. They are to be sent before the next is asked for: items change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from autoglm_lite.chat.events import Answer, CallBegun, CallEvent, Reasoning
from autoglm_lite.server.calling import call_id
from autoglm_lite.server.openai.items import (
    CallItem,
    MessageItem,
    OutputItem,
    OutputText,
    ReasoningItem,
    ReasoningText,
    Status,
    new_id,
)
from autoglm_lite.server.openai.logprobs import Logprob, logprob

Event = tuple[str, dict[str, object]]


class Writing:
    """Of one answer."""

    def __init__(self) -> None:
        self.items: list[OutputItem] = []
        self.n_reasoning_tokens = 0
        self._growing: _Growing | None = None
        self._blank = ""
        """Text before a message, which belongs to it only if there is more than blanks."""
        self._logprobs: list[Logprob] = []

    def take(self, piece: Answer | Reasoning | CallEvent) -> Iterator[Event]:
        if isinstance(piece, Reasoning):
            self.n_reasoning_tokens += piece.n_tokens
            if not isinstance(self._growing, _Thought):
                yield from self._begin(_Thought(len(self.items)))
        elif isinstance(piece, CallBegun):
            yield from self._begin(_Call(len(self.items), piece.name))
            return
        elif isinstance(piece, Answer):
            self._logprobs += map(logprob, piece.logprobs)
            if not isinstance(self._growing, _Said):
                self._blank += piece.text
                if not self._blank.strip():
                    return
                piece = Answer(self._blank, piece.n_tokens)
                yield from self._begin(_Said(len(self.items)))
        if self._growing is not None and piece.text:
            yield from self._growing.grow(piece.text, self._taken())

    def close(self, *, complete: bool) -> Iterator[Event]:
        """Nothing follows; `complete`: the model stopped by itself."""
        if not self.items:
            yield from self._begin(_Said(0))
        yield from self._end("completed" if complete else "incomplete")

    def _begin(self, growing: _Growing) -> Iterator[Event]:
        yield from self._end("completed")
        self._blank = ""
        self._growing = growing
        self.items.append(growing.item)
        yield from growing.begin()

    def _end(self, status: Status) -> Iterator[Event]:
        if self._growing is not None:
            yield from self._growing.end(status, self._taken())
        self._growing = None

    def _taken(self) -> list[Logprob]:
        """Those of a message's tokens since its last piece; others have no place in this protocol."""
        taken = self._logprobs if isinstance(self._growing, _Said) else []
        self._logprobs = []
        return taken


class _Growing(Protocol):
    """One item."""

    @property
    def item(self) -> OutputItem: ...

    def begin(self) -> Iterator[Event]: ...

    def grow(self, text: str, logprobs: list[Logprob]) -> Iterator[Event]: ...

    def end(self, status: Status, logprobs: list[Logprob]) -> Iterator[Event]: ...


class _Said:
    def __init__(self, index: int) -> None:
        self.item = MessageItem(new_id("msg"), "assistant", [], "in_progress")
        self._index = index
        self._place: dict[str, object] = {"item_id": self.item.id, "output_index": index, "content_index": 0}
        self._texts: list[str] = []
        self._logprobs: list[Logprob] = []

    def begin(self) -> Iterator[Event]:
        yield "response.output_item.added", {"output_index": self._index, "item": self.item}
        yield "response.content_part.added", {**self._place, "part": OutputText("")}

    def grow(self, text: str, logprobs: list[Logprob]) -> Iterator[Event]:
        self._texts.append(text)
        self._logprobs += logprobs
        yield "response.output_text.delta", {**self._place, "delta": text, "logprobs": logprobs}

    def end(self, status: Status, logprobs: list[Logprob]) -> Iterator[Event]:
        self._logprobs += logprobs
        part = OutputText("".join(self._texts), [], self._logprobs)
        self.item.content, self.item.status = [part], status
        yield "response.output_text.done", {**self._place, "text": part.text, "logprobs": self._logprobs}
        yield "response.content_part.done", {**self._place, "part": part}
        yield "response.output_item.done", {"output_index": self._index, "item": self.item}


class _Thought:
    def __init__(self, index: int) -> None:
        self.item = ReasoningItem(new_id("rs"), [], status="in_progress")
        self._index = index
        self._place: dict[str, object] = {"item_id": self.item.id, "output_index": index, "content_index": 0}
        self._texts: list[str] = []

    def begin(self) -> Iterator[Event]:
        yield "response.output_item.added", {"output_index": self._index, "item": self.item}
        yield "response.content_part.added", {**self._place, "part": ReasoningText("")}

    def grow(self, text: str, logprobs: list[Logprob]) -> Iterator[Event]:
        self._texts.append(text)
        yield "response.reasoning_text.delta", {**self._place, "delta": text}

    def end(self, status: Status, logprobs: list[Logprob]) -> Iterator[Event]:
        part = ReasoningText("".join(self._texts))
        self.item.content, self.item.status = [part], status
        yield "response.reasoning_text.done", {**self._place, "text": part.text}
        yield "response.content_part.done", {**self._place, "part": part}
        yield "response.output_item.done", {"output_index": self._index, "item": self.item}


class _Call:
    def __init__(self, index: int, name: str) -> None:
        self.item = CallItem(new_id("fc"), call_id(), name, "", "in_progress")
        self._index = index
        self._place: dict[str, object] = {"item_id": self.item.id, "output_index": index}
        self._texts: list[str] = []

    def begin(self) -> Iterator[Event]:
        yield "response.output_item.added", {"output_index": self._index, "item": self.item}

    def grow(self, text: str, logprobs: list[Logprob]) -> Iterator[Event]:
        self._texts.append(text)
        yield "response.function_call_arguments.delta", {**self._place, "delta": text}

    def end(self, status: Status, logprobs: list[Logprob]) -> Iterator[Event]:
        arguments = "".join(self._texts)
        self.item.arguments, self.item.status = arguments, status
        yield "response.function_call_arguments.done", {**self._place, "name": self.item.name, "arguments": arguments}
        yield "response.output_item.done", {"output_index": self._index, "item": self.item}
