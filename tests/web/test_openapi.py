"""The document of the JSON API: made from the routes, true of them, and whole."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema_rs
import pytest

from tests.doubles.shelves import FileShelf, file_of, page_of
from tests.web.node import WebNode
from tiercache.web.openapi import ANY_ROUTE
from tiercache.wire import CHANGES, FILES, NODE, PAGES, RESERVED, ROOT
from tiercache.wire.prefetch import PREFETCH, READY

PATH = f"/{ROOT}openapi.json"


def document() -> dict[str, Any]:
    reply = WebNode().get(PATH)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    told: dict[str, Any] = json.loads(reply.body)
    return told


def schema_of(told: dict[str, Any], reference: str) -> Any:
    """A schema of the document, with all that it refers to."""
    return {"$ref": reference, "components": told["components"]}


def references_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references_in(each) for each in value))
    return set()


def test_every_route_of_the_language_of_nodes_stands_in_it() -> None:
    told = document()
    assert told["openapi"].startswith("3.1.")
    assert set(told["paths"]) == {
        f"/{ROOT}{path}" for path in (NODE, RESERVED, CHANGES, PAGES, f"{FILES}/{{sha256}}", "offline", "openapi.json")
    } | {
        f"/{ROOT}{path}"
        for path in (
            *("reservations", "reservations/{project}", "tokens", "tokens/{token}"),
            *(READY, PREFETCH, *(f"{PREFETCH}/{{job}}{rest}" for rest in ("", "/events", "/report"))),
        )
    }
    names = [operation["operationId"] for path in told["paths"].values() for operation in path.values()]
    assert len(set(names)) == len(names)


def test_every_reference_in_it_leads_somewhere() -> None:
    told = document()
    for reference in references_in(told):
        place = told
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_every_operation_tells_what_may_come_of_any_request() -> None:
    for path in document()["paths"].values():
        for operation in path.values():
            assert {str(status) for status in ANY_ROUTE} <= set(operation["responses"])


def test_every_open_part_of_a_path_is_a_parameter() -> None:
    for path, operations in document()["paths"].items():
        for operation in operations.values():
            told = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert told == set(re.findall(r"{(\w+)}", path))


@pytest.mark.parametrize(
    ("path", "reference"),
    [
        ("/api/v1/node", "NodeState"),
        ("/api/v1/reserved", "Reserved"),
        ("/api/v1/changes?since=0", "Changes"),
        ("/api/v1/offline", "Offline"),
        ("/api/v1/changes?since=x", "Problem"),
        ("/api/v1/nothing", "Problem"),
        ("/api/v1/files/x", "Problem"),
        ("/api/v1//node", "Problem"),
    ],
)
def test_what_is_answered_is_what_the_document_says(path: str, reference: str) -> None:
    node = WebNode()
    node.journal.append("numpy")
    body = json.loads(node.get(path).body)
    told = json.loads(node.get(PATH).body)
    jsonschema_rs.validate(schema_of(told, f"#/components/schemas/{reference}"), body)


def test_what_takes_documents_takes_them_in_a_form_too() -> None:
    paths = document()["paths"]
    for path in (PREFETCH, READY):
        content = paths[f"/{ROOT}{path}"]["post"]["requestBody"]["content"]
        assert content["application/json"]["schema"] == {"$ref": "#/components/schemas/Wanted"}
        assert set(content["multipart/form-data"]["schema"]["properties"]) == {"requirements", "constraints"}


def test_each_line_of_pages_is_what_the_document_says() -> None:
    node = WebNode(unreadable={"secret"})
    node.pages.put(page_of("numpy", file_of("numpy-1.tar.gz")))
    names = ("numpy", "missing", "secret")
    body = json.dumps({"projects": [{"name": name} for name in names]}).encode()
    told = json.loads(node.get(PATH).body)
    schema = schema_of(told, "#/components/schemas/PageLine")
    lines = node.request("POST", "/api/v1/pages", {"Content-Type": "application/json"}, body).body.splitlines()
    assert len(lines) == 3
    for line in lines:
        jsonschema_rs.validate(schema, json.loads(line))


@pytest.mark.parametrize(("method", "allowed"), [("DELETE", "GET"), ("PUT", "GET"), ("POST", "GET")])
def test_a_verb_that_a_route_has_not_is_a_problem_that_tells_those_it_has(method: str, allowed: str) -> None:
    node = WebNode(files=FileShelf())
    for path in ("/api/v1/node", "/api/v1/changes", "/api/v1/reserved"):
        reply = node.request(method, path)
        assert reply.status == 405
        assert reply.headers["content-type"] == "application/problem+json"
        assert allowed in reply.headers["allow"]
