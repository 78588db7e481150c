"""A model's text sorted into reasoning, answer and calls of tools."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing

from autoglm_lite.chat.events import (
    Answer,
    AnswerEvent,
    CallArguments,
    CallBegun,
    CallEvent,
    Generates,
    Reasoning,
)
from autoglm_lite.chat.reasoning import Part, ReasoningSplitter
from autoglm_lite.chat.tools.format import Arguments, Begun, CallSplitter
from autoglm_lite.generation import REASONING_OPEN, Finished, GenerateRequest, Text, TokenLogprob

Piece = Answer | Reasoning | CallEvent


async def stream_answer(
    model: Generates,
    request: GenerateRequest,
    calls: Callable[[], CallSplitter] | None = None,
    begun: Part | None = None,
) -> AsyncGenerator[AnswerEvent | CallEvent, None]:
    """Waiting*, Prefill*, then for each choice Reasoning*, Answer and CallEvents*, one Finished. Plain completions are
    not sorted, and calls are found where `calls` gives what finds them in the text of one choice. `begun`: the prompt
    ends in the middle of that part."""
    sorters = [_Sorter(request, choice, calls, begun) for choice in range(request.n)]
    async with aclosing(model.generate(request)) as events:
        async for event in events:
            if isinstance(event, Text):
                for piece in sorters[event.choice].take(event):
                    yield piece
                continue
            if isinstance(event, Finished):
                for piece in sorters[event.choice].close():
                    yield piece
            yield event


class _Sorter:
    """Of one choice."""

    def __init__(
        self, request: GenerateRequest, choice: int, calls: Callable[[], CallSplitter] | None, begun: Part | None
    ) -> None:
        opened = request.prompt.rstrip().endswith(REASONING_OPEN)
        self._splitter = ReasoningSplitter(inside=opened, begun=begun) if request.templated else None
        self._calls = None if calls is None else calls()
        self._choice = choice
        self._n_held = 0
        """Tokens taken since the last piece given out; likewise their logarithmic probabilities."""
        self._held: list[TokenLogprob] = []

    def take(self, event: Text) -> list[Piece]:
        self._n_held += event.n_tokens
        self._held += event.logprobs
        if self._splitter is None:
            return list(self._said([event.text] if event.text else []))
        return self._pieces(self._splitter.feed(event.text))

    def close(self) -> list[Piece]:
        pieces = [] if self._splitter is None else self._pieces(self._splitter.close())
        if self._calls is not None:
            pieces += [self._call(piece) for piece in self._calls.close()]
        if self._held:
            pieces.append(Answer("", *self._counts()))
        return pieces

    def _pieces(self, parts: Iterable[tuple[str, str]]) -> list[Piece]:
        pieces: list[Piece] = []
        for part, text in parts:
            if part == "reasoning":
                pieces.append(Reasoning(text, *self._counts()))
            else:
                pieces += self._said([text])
        return pieces

    def _said(self, texts: Iterable[str]) -> Iterable[Piece]:
        for text in texts:
            if self._calls is None:
                yield Answer(text, *self._counts())
            else:
                yield from map(self._call, self._calls.feed(text))

    def _call(self, piece: str | Begun | Arguments) -> Piece:
        if isinstance(piece, str):
            return Answer(piece, *self._counts())
        n_tokens, choice, logprobs = self._counts()
        if isinstance(piece, Begun):
            return CallBegun(piece.index, piece.name, choice, n_tokens, logprobs)
        return CallArguments(piece.index, piece.text, choice, n_tokens, logprobs)

    def _counts(self) -> tuple[int, int, tuple[TokenLogprob, ...]]:
        counts = self._n_held, self._choice, tuple(self._held)
        self._n_held = 0
        self._held.clear()
        return counts
