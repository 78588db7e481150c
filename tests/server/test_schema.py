"""GET /openapi.json: one true description of every route."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from autoglm_lite.server.app import ENDPOINTS
from autoglm_lite.server.schema import document
from tests.server.serving import Running


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return json.loads(json.dumps(document(ENDPOINTS)))  # type: ignore[no-any-return]


def test_it_is_served(running: Running, described: dict[str, Any]) -> None:
    assert running.http.get("/openapi.json").json() == described


def test_every_route_is_in_it_with_and_without_the_prefix(described: dict[str, Any]) -> None:
    operations = {(method.upper(), path) for path, found in described["paths"].items() for method in found}
    assert {("POST", "/v1/chat/completions"), ("POST", "/chat/completions"), ("GET", "/health")} <= operations
    assert len(operations) == sum(len(endpoint.paths) for endpoint in ENDPOINTS)


def test_names_of_operations_are_unique(described: dict[str, Any]) -> None:
    names = [operation["operationId"] for found in described["paths"].values() for operation in found.values()]
    assert len(names) == len(set(names))


def test_what_it_refers_to_is_there_and_is_json_schema(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(described)))
    assert named == set(schemas)
    for name, schema in schemas.items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name)
        Draft202012Validator.check_schema(schema)


def test_parameters_of_paths_are_described(described: dict[str, Any]) -> None:
    for path, found in described["paths"].items():
        for operation in found.values():
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            assert names == set(re.findall(r"{(\w+)}", path))


def test_all_but_health_need_the_key(described: dict[str, Any]) -> None:
    assert described["security"] == [{"bearer": []}, {"header": []}]
    assert described["paths"]["/health"]["get"]["security"] == []
    assert "security" not in described["paths"]["/v1/chat/completions"]["post"]
