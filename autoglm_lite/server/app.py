"""The ASGI application: every protocol's routes in one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autoglm_lite.server import own
from autoglm_lite.server.anthropic import routes as anthropic
from autoglm_lite.server.endpoint import Endpoint, refused
from autoglm_lite.server.failures import Failure
from autoglm_lite.server.ollama import routes as ollama
from autoglm_lite.server.openai import routes as openai
from autoglm_lite.server.service import Service

ENDPOINTS: tuple[Endpoint, ...] = (*own.ENDPOINTS, *openai.ENDPOINTS, *ollama.ENDPOINTS, *anthropic.ENDPOINTS)


def make_app(service: Service) -> Starlette:
    """Serves `service`'s models; who may come in is decided before (see guard.py)."""
    routes = [
        Route(path, _handler(endpoint, service), methods=[endpoint.method])
        for endpoint in ENDPOINTS
        for path in paths(endpoint)
    ]
    return Starlette(routes=routes, exception_handlers={404: _unknown, 405: _wrong_method})


def paths(endpoint: Endpoint) -> Sequence[str]:
    """Under which it is served."""
    short = endpoint.path.removeprefix("/v1")
    return (endpoint.path,) if short == endpoint.path else (endpoint.path, short)


def _handler(endpoint: Endpoint, service: Service) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await endpoint(request, service)

    return handle


async def _unknown(request: Request, error: Exception) -> Response:
    return refused(own.FAMILY, Failure("not_found", "There is nothing at this address; see /openapi.json."))


async def _wrong_method(request: Request, error: Exception) -> Response:
    headers = getattr(error, "headers", None) or {}
    return refused(own.FAMILY, Failure("invalid", "This address does not take this method.", headers, status=405))
