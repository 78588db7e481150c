"""GET /metrics: how the service is doing, for Prometheus."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autoglm_lite.hardware.pressure import read_pressure
from autoglm_lite.hardware.process import process_memory
from autoglm_lite.server import own
from autoglm_lite.server.endpoint import Call, Endpoint
from autoglm_lite.server.meter import PREFIX, Meter
from autoglm_lite.server.models import Models

TEXT = "text/plain"


async def metrics(call: Call) -> Response:
    return Response(generate_latest(_Now(call.service.models)), media_type=CONTENT_TYPE_LATEST)


ENDPOINTS = (Endpoint("GET", "/metrics", own.FAMILY, "Figures for Prometheus", metrics, streamed=TEXT),)


class _Now(Collector):
    """What was counted, and what is measured when somebody asks."""

    def __init__(self, models: Models) -> None:
        self._models = models

    def collect(self) -> Iterable[Metric]:
        yield from self._models.meter.registry.collect()
        counts, residents = self._models.counts, self._models.residents
        yield CounterMetricFamily(f"{PREFIX}_model_loads", "Models loaded", counts.loads)
        yield CounterMetricFamily(
            f"{PREFIX}_worker_restarts", "Models loaded again since their worker had died", counts.restarts
        )
        yield GaugeMetricFamily(f"{PREFIX}_models_loaded", "Models in memory", len(residents))
        memory = GaugeMetricFamily(f"{PREFIX}_resident_memory_bytes", "Resident memory", labels=("process",))
        memory.add_metric(("service",), process_memory(os.getpid())[0])
        pids = [resident.worker.pid for resident in residents if resident.worker.pid is not None]
        memory.add_metric(("workers",), sum(process_memory(pid)[0] for pid in pids))
        yield memory
        yield from _pressure()


def _pressure() -> Iterable[Metric]:
    """Of the whole computer; nothing where its kernel does not tell."""
    now = read_pressure(Path("/"))
    family = GaugeMetricFamily(
        f"{PREFIX}_pressure_ratio",
        "Share of the last ten seconds in which programs waited for memory or for disks",
        labels=("resource", "kind"),
    )
    for resource, kind, percent in (
        ("memory", "some", now.memory_some),
        ("memory", "full", now.memory_full),
        ("io", "full", now.io_full),
    ):
        if percent is not None:
            family.add_metric((resource, kind), percent / 100)
    yield family
    if now.memory_available is not None:
        yield GaugeMetricFamily(
            f"{PREFIX}_available_memory_bytes", "What programs can have without swapping", now.memory_available
        )


class Counted:
    """ASGI middleware: every answer by its route and its status, also those of who is not let in."""

    def __init__(self, app: ASGIApp, meter: Meter, endpoint_of: Callable[[str, str], Endpoint | None]) -> None:
        """`endpoint_of`: by method and path."""
        self._app = app
        self._meter = meter
        self._endpoint_of = endpoint_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = self._endpoint_of(scope["method"], scope["path"])
                place = ("other", "other") if found is None else (found.path, found.method)
                self._meter.requests.labels(*place, str(message["status"])).inc()
            await send(message)

        with self._meter.under_way.track_inprogress():
            await self._app(scope, receive, seen)
