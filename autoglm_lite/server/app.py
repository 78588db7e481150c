"""The ASGI application: every protocol's routes in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import ASGIApp

from autoglm_lite.server import metrics, own, schema
from autoglm_lite.server.admission import Admission
from autoglm_lite.server.anthropic import routes as anthropic
from autoglm_lite.server.endpoint import Endpoint, Family, refused
from autoglm_lite.server.failures import Failure
from autoglm_lite.server.guard import Door, Guard
from autoglm_lite.server.metrics import Counted
from autoglm_lite.server.ollama import routes as ollama
from autoglm_lite.server.openai import routes as openai
from autoglm_lite.server.service import Service

ENDPOINTS: tuple[Endpoint, ...] = (
    *own.ENDPOINTS,
    *openai.ENDPOINTS,
    *ollama.ENDPOINTS,
    *anthropic.ENDPOINTS,
    *metrics.ENDPOINTS,
    schema.endpoint(lambda: ENDPOINTS),
)


ADDRESSES = tuple((compile_path(path)[0], endpoint) for endpoint in ENDPOINTS for path in endpoint.paths)


def make_app(service: Service, door: Door | None = None) -> ASGIApp:
    """Serves `service`'s models to whom `door` lets in; None: to all who reach it."""
    routes = [
        Route(path, _handler(endpoint, service), methods=[endpoint.method])
        for endpoint in ENDPOINTS
        for path in endpoint.paths
    ]
    inner = Starlette(routes=routes, exception_handlers={404: _unknown, 405: _wrong_method})
    # An address built from the Host that was asked for is nothing to send anybody to.
    inner.router.redirect_slashes = False
    unlocked = {path for endpoint in ENDPOINTS if endpoint.open for path in endpoint.paths}
    app: ASGIApp = Admission(inner, family_of, unlocked.__contains__)
    if door is not None:
        app = Guard(app, door, family_of, unlocked.__contains__)
    return Counted(app, service.models.meter, endpoint_of)


def endpoint_of(method: str, path: str) -> Endpoint | None:
    """What answers a request."""
    return next((endpoint for endpoint in _at(path) if endpoint.method == method), None)


def family_of(path: str) -> Family:
    """The protocol that speaks at a request's path, or nearest to it."""
    first = path.split("/", 2)[:2]
    near = (endpoint for endpoint in ENDPOINTS if endpoint.path.split("/", 2)[:2] == first)
    found = next(_at(path), None) or next(near, None)
    return own.FAMILY if found is None else found.family


def _at(path: str) -> Iterator[Endpoint]:
    return (endpoint for pattern, endpoint in ADDRESSES if pattern.match(path))


def _handler(endpoint: Endpoint, service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await endpoint(request, service)

    return handle


async def _unknown(request: Request, error: Exception) -> Response:
    failure = Failure("not_found", "There is nothing at this address; see /openapi.json.")
    return refused(family_of(request.url.path), failure)


async def _wrong_method(request: Request, error: Exception) -> Response:
    methods = {endpoint.method for endpoint in _at(request.url.path)}
    allowed = sorted(methods | {"HEAD"} if "GET" in methods else methods)
    headers = {"Allow": ", ".join(allowed)}
    failure = Failure("invalid", "This address does not take this method.", headers, status=405)
    return refused(family_of(request.url.path), failure)
