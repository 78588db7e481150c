"""A model's text sorted into reasoning and answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from autoglm_lite.chat.events import Answer, AnswerEvent, Generates, Reasoning
from autoglm_lite.chat.reasoning import Part, ReasoningSplitter
from autoglm_lite.generation import REASONING_OPEN, Finished, GenerateRequest, Text


async def stream_answer(model: Generates, request: GenerateRequest) -> AsyncGenerator[AnswerEvent, None]:
    """Waiting*, Prefill*, Reasoning*, Answer*, one Finished. Plain completions are not sorted."""
    sorter = _Sorter(request)
    async with aclosing(model.generate(request)) as events:
        async for event in events:
            if isinstance(event, Text):
                for piece in sorter.take(event):
                    yield piece
                continue
            if isinstance(event, Finished):
                for piece in sorter.close():
                    yield piece
            yield event


class _Sorter:
    def __init__(self, request: GenerateRequest) -> None:
        opened = request.prompt.rstrip().endswith(REASONING_OPEN)
        self._splitter = ReasoningSplitter(inside=opened) if request.templated else None
        self._n_held = 0
        """Tokens taken since the last piece given out."""

    def take(self, event: Text) -> list[Answer | Reasoning]:
        self._n_held += event.n_tokens
        if self._splitter is None:
            return self._pieces([("answer", event.text)] if event.text else [])
        return self._pieces(self._splitter.feed(event.text))

    def close(self) -> list[Answer | Reasoning]:
        return [] if self._splitter is None else self._pieces(self._splitter.close())

    def _pieces(self, parts: list[tuple[Part, str]]) -> list[Answer | Reasoning]:
        pieces: list[Answer | Reasoning] = []
        for part, text in parts:
            pieces.append((Answer if part == "answer" else Reasoning)(text, self._n_held))
            self._n_held = 0
        return pieces
