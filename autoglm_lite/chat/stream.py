"""A model's text sorted into reasoning and answer, the reasoning held to its budget."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from autoglm_lite.chat.events import Answer, AnswerEvent, Generates, Reasoning
from autoglm_lite.chat.reasoning import Part, ReasoningSplitter
from autoglm_lite.generation import REASONING_CLOSE, REASONING_OPEN, Finished, GenerateRequest, Prefill, Text


async def stream_answer(
    model: Generates, request: GenerateRequest, thinking_tokens: int | None, stopped: Callable[[], bool]
) -> AsyncGenerator[AnswerEvent, None]:
    """Prefill*, Reasoning*, Answer*, one Finished.

    After `thinking_tokens` tokens of reasoning the model is stopped, its reasoning is closed in its name, and it goes
    on from there, unless `stopped` says that the user has stopped it. Plain completions are not sorted.
    """
    sorter = _Sorter(request)
    finished: Finished | None = None
    over = False
    async with aclosing(model.generate(request)) as events:
        async for event in events:
            if isinstance(event, Finished):
                finished = event
            elif isinstance(event, Prefill):
                yield event
            elif isinstance(event, Text) and not over:
                for piece in sorter.take(event):
                    yield piece
                if thinking_tokens is not None and sorter.inside and sorter.n_reasoned >= thinking_tokens:
                    over = True
                    await model.cancel()
    assert finished is not None
    if over and not stopped() and finished.reason in ("cancelled", "stop"):
        for piece in sorter.leave():
            yield piece
        left = None if request.max_tokens is None else request.max_tokens - sorter.n_taken
        if left is not None and left <= 0:
            finished = replace(finished, reason="length")
        else:
            prompt = f"{request.prompt}{sorter.raw}\n{REASONING_CLOSE}\n\n"
            first = replace(finished, completion_tokens=sorter.n_taken)
            async with aclosing(model.generate(replace(request, prompt=prompt, max_tokens=left))) as events:
                async for event in events:
                    if isinstance(event, Text):
                        for piece in sorter.take(event):
                            yield piece
                    elif isinstance(event, Finished):
                        finished = _joined(first, event)
    for piece in sorter.close():
        yield piece
    yield finished


class _Sorter:
    def __init__(self, request: GenerateRequest) -> None:
        opened = request.prompt.rstrip().endswith(REASONING_OPEN)
        self._splitter = ReasoningSplitter(inside=opened) if request.templated else None
        self._n_held = 0
        """Tokens taken since the last piece given out."""
        self._raw: list[str] = []
        self.n_taken = 0
        self.n_reasoned = 0

    @property
    def inside(self) -> bool:
        return self._splitter is not None and self._splitter.inside

    @property
    def raw(self) -> str:
        """All text taken, tags included."""
        return "".join(self._raw)

    def take(self, event: Text) -> list[Answer | Reasoning]:
        self._n_held += event.n_tokens
        if self._splitter is None:
            return self._pieces([("answer", event.text)] if event.text else [])
        self._raw.append(event.text)
        self.n_taken += event.n_tokens
        if self.inside:
            self.n_reasoned += event.n_tokens
        return self._pieces(self._splitter.feed(event.text))

    def leave(self) -> list[Answer | Reasoning]:
        return [] if self._splitter is None else self._pieces(self._splitter.leave())

    def close(self) -> list[Answer | Reasoning]:
        return [] if self._splitter is None else self._pieces(self._splitter.close())

    def _pieces(self, parts: list[tuple[Part, str]]) -> list[Answer | Reasoning]:
        pieces: list[Answer | Reasoning] = []
        for part, text in parts:
            pieces.append((Answer if part == "answer" else Reasoning)(text, self._n_held))
            self._n_held = 0
        return pieces


def _joined(first: Finished, second: Finished) -> Finished:
    """Two runs as one answer to the first prompt."""
    return replace(
        first,
        reason=second.reason,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        prefill_seconds=first.prefill_seconds + second.prefill_seconds,
        decode_seconds=first.decode_seconds + second.decode_seconds,
    )
