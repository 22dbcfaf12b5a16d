# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: whole, without loose ends, and true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tegata import __version__
from tegata.sandbox import openapi
from tegata.sandbox.control import Control
from unit.sandbox import kit
from unit.sandbox.kit import Town

DOCUMENT = openapi.document(kit.URL)
TYPES = {"string", "integer", "array", "object", "null"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def everything(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the document."""
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from everything(child)


def test_the_document_names_itself_and_its_server() -> None:
    """What OpenAPI 3.1 §4.8.1 demands is there, with our version."""
    assert DOCUMENT["openapi"].startswith("3.1")
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["servers"] == [{"url": kit.URL}]


def test_each_operation_is_there_once() -> None:
    """No operation hides another with the same path and method, and names are unique."""
    names = [operation["operationId"] for _, _, operation in operations()]
    assert sorted(names) == sorted(operation.name for operation in openapi.OPERATIONS)
    assert len(set(names)) == len(names)
    assert all(hasattr(Control, name) for name in names if name not in ("openapi", "clock"))


def test_references_lead_somewhere() -> None:
    """Each `$ref` is found inside the document."""
    references = [node["$ref"] for node in everything(DOCUMENT) if "$ref" in node]
    assert references
    for reference in references:
        found: Any = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]


def test_path_parameters_are_declared() -> None:
    """Each name in braces is a required string parameter, and no other is said to be in the path."""
    for path, _, operation in operations():
        declared = [one for one in operation.get("parameters", []) if one["in"] == "path"]
        assert [one["name"] for one in declared] == re.findall(r"\{(\w+)\}", path)
        assert all(one["required"] and one["schema"] == {"type": "string"} for one in declared)


def test_bodies_are_described_as_they_are_checked() -> None:
    """What is sent with POST and PUT is an object, be it an empty one; its required members are among its members."""
    for _, method, operation in operations():
        assert ("requestBody" in operation) == (method in ("post", "put"))
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            assert schema["type"] == "object"
            assert set(schema["required"]) <= set(schema["properties"])
            for member in schema["properties"].values():
                kinds = member["type"] if isinstance(member["type"], list) else [member["type"]]
                assert set(kinds) <= TYPES
                assert member["description"]


def test_answers_are_described() -> None:
    """Each operation has one good answer, and says how refusals look."""
    for _, _, operation in operations():
        good = [status for status in operation["responses"] if status.startswith("2")]
        assert len(good) == 1
        assert "application/problem+json" in operation["responses"]["4XX"]["content"]


@pytest.mark.parametrize("operation", openapi.OPERATIONS, ids=lambda operation: operation.name)
def test_each_path_of_the_document_answers(town: Town, operation: openapi.Operation) -> None:
    """In a real country, no documented operation is unknown, and none fails, whoever it is about."""
    path = openapi.BASE + operation.path.format(slug="hanako", card_id=kit.CARD, phone_id="TGTP999999999999")
    samples = {"string": "x", "array": ["x"], "object": {"x": 1}}
    body = {member.name: samples[member.kind] for member in operation.body}
    answer = town.send(operation.method, path, **({"json": body} if operation.has_body else {}))
    assert answer.status_code < 500
    assert answer.is_success or answer.json()["reason"] != "sandbox.no_operation"
    if answer.is_success:
        assert answer.status_code == operation.status
