"""The ASGI application: every protocol's routes in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp

from autoglm_lite.server import own, schema
from autoglm_lite.server.admission import Admission
from autoglm_lite.server.endpoint import Endpoint, Family, refused
from autoglm_lite.server.failures import Failure
from autoglm_lite.server.guard import Door, Guard
from autoglm_lite.server.openai import routes as openai
from autoglm_lite.server.service import Service

ENDPOINTS: tuple[Endpoint, ...] = (
    *own.ENDPOINTS,
    *openai.ENDPOINTS,
    schema.endpoint(lambda: ENDPOINTS),
)


def make_app(service: Service, door: Door | None = None) -> ASGIApp:
    """Serves `service`'s models to whom `door` lets in; None: to all who reach it."""
    routes = [
        Route(path, _handler(endpoint, service), methods=[endpoint.method])
        for endpoint in ENDPOINTS
        for path in endpoint.paths
    ]
    app = Starlette(routes=routes, exception_handlers={404: _unknown, 405: _wrong_method})
    unlocked = {path for endpoint in ENDPOINTS if endpoint.open for path in endpoint.paths}
    admission = Admission(app, family_of, unlocked.__contains__)
    return admission if door is None else Guard(admission, door, family_of, unlocked.__contains__)


def family_of(path: str) -> Family:
    """The protocol that speaks at a request's path, or nearest to it."""
    for endpoint in ENDPOINTS:
        if any(compile_path(pattern)[0].match(path) for pattern in endpoint.paths):
            return endpoint.family
    first = path.split("/", 2)[:2]
    near = (endpoint.family for endpoint in ENDPOINTS if first == endpoint.path.split("/", 2)[:2])
    return next(near, own.FAMILY)


def _handler(endpoint: Endpoint, service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await endpoint(request, service)

    return handle


async def _unknown(request: Request, error: Exception) -> Response:
    failure = Failure("not_found", "There is nothing at this address; see /openapi.json.")
    return refused(family_of(request.url.path), failure)


async def _wrong_method(request: Request, error: Exception) -> Response:
    headers = getattr(error, "headers", None) or {}
    failure = Failure("invalid", "This address does not take this method.", headers, status=405)
    return refused(family_of(request.url.path), failure)
