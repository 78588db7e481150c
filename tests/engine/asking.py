"""An engine asked and answered in the test's own process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from autoglm_lite.engine.engine import Engine
from autoglm_lite.errors import AutoglmError
from autoglm_lite.generation import Event, Finished, GenerateRequest, Sampling, Text

GREEDY = Sampling(temperature=0)
_ids = count(1)


def events(engine: Engine, request: GenerateRequest) -> Iterator[Event]:
    """Of one request alone."""
    engine.submit(next(_ids), request)
    while engine.busy:
        for _, event in engine.step():
            if isinstance(event, AutoglmError):
                raise event
            yield event


def answers(engine: Engine, requests: list[GenerateRequest]) -> list[tuple[str, Finished]]:
    """Text and end of each, all asked at once."""
    texts, ends = [""] * len(requests), {}
    for i, request in enumerate(requests):
        engine.submit(i, request)
    while engine.busy:
        for i, event in engine.step():
            if isinstance(event, Text):
                texts[i] += event.text
            elif isinstance(event, Finished):
                ends[i] = event
    return [(texts[i], ends[i]) for i in range(len(requests))]
