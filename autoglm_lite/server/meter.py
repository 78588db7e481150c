"""What the service counts while it answers, for /metrics."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from autoglm_lite.embedding import Embedded, Reranked
from autoglm_lite.generation import Event, GenerateRequest, Prefill, Text, Waiting
from autoglm_lite.worker.client import Worker

PREFIX = "autoglm_lite"
FIRST_TOKEN_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600)
"""Old cores read a long prompt for minutes."""
NEXT_TOKEN_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 5, 10)


class Meter:
    """Numbers since the service began. No label holds anything that a client wrote."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests answered", "endpoint", "method", "status")
        self.under_way = self._gauge("requests_in_progress", "Requests under way, whatever they wait for")
        self.waiting = self._gauge("queue_length", "Requests that wait for others to be answered")
        self.answering = self._gauge("answers_in_progress", "Requests that a model works on")
        self.prompt_tokens = self._counter("prompt_tokens", "Tokens of prompts and of texts embedded or ranked")
        self.cached_tokens = self._counter("cached_prompt_tokens", "Of them those that were known and not read again")
        self.completion_tokens = self._counter("completion_tokens", "Tokens written")
        self.prompts = self._counter("prompts", "Prompts that a model began to read")
        self.cache_hits = self._counter("cache_hits", "Of them those whose beginning was known")
        self.first_token = self._histogram(
            "time_to_first_token_seconds",
            "From the question to its model, loaded, to the first token",
            FIRST_TOKEN_SECONDS,
        )
        self.next_token = self._histogram("time_between_tokens_seconds", "Of one answer", NEXT_TOKEN_SECONDS)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", what, registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: Sequence[float]) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", what, buckets=buckets, registry=self.registry)


class MeteredWorker(Worker):
    """A worker whose answers are counted, whatever protocol asks for them."""

    def __init__(self, meter: Meter, states: Path | None = None) -> None:
        super().__init__(states=states)
        self._meter = meter

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Event, None]:
        """As Worker's."""
        counting = _Counting(self._meter)
        try:
            async with aclosing(super().generate(request)) as events:
                async for event in events:
                    counting.see(event)
                    yield event
        finally:
            counting.end()

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """As Worker's."""
        found = await super().embed(texts)
        self._meter.prompt_tokens.inc(sum(found.n_tokens))
        return found

    async def rerank(self, query: str, documents: Sequence[str]) -> Reranked:
        """As Worker's."""
        found = await super().rerank(query, documents)
        self._meter.prompt_tokens.inc(sum(found.n_tokens))
        return found


class _Counting:
    """Of one request's events."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._asked = time.monotonic()
        self._last: dict[int, float] = {}
        """When each choice's last token came."""
        self._place = meter.waiting
        self._place.inc()

    def see(self, event: Event) -> None:
        if isinstance(event, Waiting):
            return
        meter = self._meter
        if self._place is meter.waiting:
            self._move(meter.answering)
            if isinstance(event, Prefill):
                meter.prompts.inc()
                meter.prompt_tokens.inc(event.total)
                meter.cached_tokens.inc(event.cached)
                meter.cache_hits.inc(event.cached > 0)
        if isinstance(event, Text) and event.n_tokens:
            self._count(event)

    def _count(self, event: Text) -> None:
        now = time.monotonic()
        self._meter.completion_tokens.inc(event.n_tokens)
        if not self._last:
            self._meter.first_token.observe(now - self._asked)
        elif event.choice in self._last:
            each = (now - self._last[event.choice]) / event.n_tokens
            for _ in range(event.n_tokens):
                self._meter.next_token.observe(each)
        self._last[event.choice] = now

    def end(self) -> None:
        self._place.dec()

    def _move(self, place: Gauge) -> None:
        self._place.dec()
        self._place = place
        place.inc()
