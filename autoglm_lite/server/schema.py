"""GET /openapi.json: what the service takes and gives, made from the types that check it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.responses import Response

from autoglm_lite import __version__
from autoglm_lite.server import own
from autoglm_lite.server.endpoint import JSON, Call, Endpoint

REF = "#/components/schemas/{name}"
CONVERTER = re.compile(r"{(\w+):\w+}")
SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"header": []}]
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def endpoint(of: Callable[[], Sequence[Endpoint]]) -> Endpoint:
    """The route that describes those of `of`, itself among them."""

    @lru_cache(maxsize=1)
    def encoded() -> bytes:
        return msgspec.json.encode(document(of()))

    async def describe(call: Call) -> Response:
        return Response(encoded(), media_type=JSON)

    return Endpoint("GET", "/openapi.json", own.FAMILY, "This description", describe, answer=dict[str, Any])


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """OpenAPI 3.1.0, https://spec.openapis.org/oas/v3.1.0."""
    kinds = _kinds(endpoints)
    found, components = msgspec.json.schema_components(kinds, ref_template=REF)
    schemas = {id(kind): schema for kind, schema in zip(kinds, found, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        for path in endpoint.paths:
            operations = paths.setdefault(CONVERTER.sub(r"{\1}", path), {})
            operations[endpoint.method.lower()] = _operation(endpoint, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "autoglm-lite", "version": __version__},
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": SCHEMES},
        "security": SECURITY,
    }


def _kinds(endpoints: Sequence[Endpoint]) -> list[Any]:
    found: dict[int, Any] = {}
    for endpoint in endpoints:
        for kind in (endpoint.body, endpoint.answer, endpoint.family.error_type, *endpoint.parameters.values()):
            if kind is not None:
                found[id(kind)] = kind
    return list(found.values())


def _operation(endpoint: Endpoint, path: str, schemas: dict[int, Any]) -> dict[str, Any]:
    def json(kind: Any) -> dict[str, Any]:
        return {JSON: {"schema": schemas[id(kind)]}}

    content = {} if endpoint.answer is None else json(endpoint.answer)
    if endpoint.streamed is not None:
        # Before OpenAPI 3.2 there are no words for the schema of each piece.
        content[endpoint.streamed] = {}
    answers: dict[str, Any] = {"200": {"description": endpoint.summary}}
    if content:
        answers["200"]["content"] = content
    for status in endpoint.failures:
        if (status == 413 and endpoint.body is None) or (status == 401 and endpoint.open):
            continue
        answers[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": json(endpoint.family.error_type),
        }
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{endpoint.method.lower()}{path}"),
        "summary": endpoint.summary,
        "responses": answers,
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": json(endpoint.body)}
    if endpoint.parameters:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": schemas[id(kind)]}
            for name, kind in endpoint.parameters.items()
        ]
    if endpoint.open:
        operation["security"] = []
    return operation
