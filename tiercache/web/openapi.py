"""`/api/v1/openapi.json`: what the JSON API offers, told in OpenAPI 3.1, made from the routes and the types they speak.

Nothing here knows a route; what one promises it declares itself, and the schemas are msgspec's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from attrs import define, frozen
from twisted.web.server import Request

from tiercache.interfaces import Pool
from tiercache.web.answer import JSON, NO_STORE, PROBLEM, Answer
from tiercache.web.route import Lines, Operation, Parameter, Reply, Route

OPENAPI = "3.1.0"
FORM = "multipart/form-data"
REFERENCE = "#/components/schemas/{name}"

ANY_ROUTE: Mapping[int, str] = {
    400: "The request is not as this document says, or no request at all.",
    401: "Whoever asks has to say who they are.",
    403: "Whoever asks may not do this.",
    429: "Too many passwords were wrong; Retry-After says when to come again.",
    500: "Something went wrong here; the log of this node says what.",
    508: "The request has been here before, or has passed too many nodes.",
}
"""What may come of any request, each told as a problem."""


@frozen(kw_only=True)
class Problem:
    """What went wrong (RFC 9457), its type being the status itself."""

    type: str
    title: str
    status: int
    detail: str


@define(kw_only=True)
class OpenApi:
    """The document of this version of the program, which is made when it is first asked for."""

    _version: str
    _pool: Pool

    def routes(self, api: Sequence[Route]) -> tuple[Route, ...]:
        """The route to the document of these routes, which stands in it itself."""
        operation = Operation(
            name="getDocument",
            about="This document.",
            replies={200: Reply(about="The document.", bodies={JSON: dict[str, Any]})},
        )
        told: list[bytes] = []

        async def show(request: Request) -> Answer:
            if not told:
                told.append(await self._pool(_text_of, [*api, own], self._version))
            return Answer(headers={"Content-Type": JSON, "Cache-Control": NO_STORE}, body=told[0])

        own = Route(verb="GET", path="/api/v1/openapi.json", act=show, permission="read", operation=operation)
        return (own,)


def _text_of(routes: Iterable[Route], version: str) -> bytes:
    return msgspec.json.encode(document(routes, version))


def document(routes: Iterable[Route], version: str) -> dict[str, Any]:
    """The OpenAPI document of these routes, as what JSON can say; a route without an operation does not stand in it."""
    told = [(route, route.operation) for route in routes if route.operation is not None]
    schemas = _Schemas.of([operation for _, operation in told])
    paths: dict[str, dict[str, Any]] = {}
    for route, operation in told:
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
        shown = _operation(operation, schemas, is_open=route.permission is None)
        paths.setdefault(path, {})[route.verb.lower()] = shown
        if route.verb == "GET":
            paths[path]["head"] = _head_of(shown)
    return {
        "openapi": OPENAPI,
        "info": {
            "title": "tiercache",
            "version": version,
            "summary": "What the nodes of a chain say to each other, and programs to a node.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


@frozen(kw_only=True)
class _Schemas:
    """The schemas of all types that the operations name: `named` are the components, `ours` those of the types."""

    ours: Mapping[int, Any]
    named: Mapping[str, Any]

    @classmethod
    def of(cls, operations: Iterable[Operation]) -> _Schemas:
        types: list[Any] = [Problem]
        for operation in operations:
            types += [parameter.type for parameter in operation.parameters]
            types += [operation.body] if operation.body is not None else []
            bodies = [body for reply in operation.replies.values() for body in reply.bodies.values()]
            types += [body.of if isinstance(body, Lines) else body for body in bodies]
        spoken = [each for each in types if each not in (bytes, str)]
        ours, named = msgspec.json.schema_components(spoken, ref_template=REFERENCE)
        for schema in named.values():
            schema["description"] = inspect.cleandoc(schema.get("description", ""))
        return cls(ours={id(each): schema for each, schema in zip(spoken, ours, strict=True)}, named=named)

    def schema(self, wanted: Any) -> Any:
        """The schema of a type; what is no JSON is told by its media type alone."""
        if wanted is bytes:
            return {}
        return {"type": "string"} if wanted is str else self.ours[id(wanted)]


def _operation(operation: Operation, schemas: _Schemas, *, is_open: bool) -> dict[str, Any]:
    problems = {**ANY_ROUTE, **operation.problems}
    answers = {
        **{status: _problem(about, schemas) for status, about in problems.items()},
        **{status: _reply(reply, schemas) for status, reply in operation.replies.items()},
    }
    shown: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.about,
        "parameters": [_parameter(parameter, schemas) for parameter in operation.parameters],
        "responses": {str(status): answers[status] for status in sorted(answers)},
        "security": [] if is_open else [{}, {"basic": []}, {"bearer": []}],
    }
    if operation.body is not None:
        shown["requestBody"] = {"required": True, "content": _body_content(operation, schemas)}
    return shown


def _body_content(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    content: dict[str, Any] = {JSON: {"schema": schemas.schema(operation.body)}}
    if operation.form:
        parts = {name: {"type": "string", "description": about} for name, about in operation.form.items()}
        content[FORM] = {"schema": {"type": "object", "properties": parts}}
    return content


def _head_of(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The same by HEAD: its answers have no bodies (RFC 9110 section 9.3.2)."""
    bare = {
        status: {name: value for name, value in answer.items() if name != "content"}
        for status, answer in shown["responses"].items()
    }
    name = shown["operationId"]
    return {**shown, "operationId": f"{name}Head", "responses": bare}


def _parameter(parameter: Parameter, schemas: _Schemas) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.about,
        "required": parameter.is_required or parameter.place == "path",
        "schema": schemas.schema(parameter.type),
    }


def _reply(reply: Reply, schemas: _Schemas) -> dict[str, Any]:
    told: dict[str, Any] = {"description": reply.about}
    if reply.headers:
        told["headers"] = {
            name: {"description": about, "schema": {"type": "string"}} for name, about in reply.headers.items()
        }
    if reply.bodies:
        told["content"] = {media: _body(body, schemas) for media, body in reply.bodies.items()}
    return told


def _body(body: Any, schemas: _Schemas) -> dict[str, Any]:
    if not isinstance(body, Lines):
        return {"schema": schemas.schema(body)}
    # OpenAPI 3.2 has `itemSchema` for this; in 3.1 what is no single value is a string.
    return {"schema": {"type": "string"}, "x-item-schema": schemas.schema(body.of)}


def _problem(about: str, schemas: _Schemas) -> dict[str, Any]:
    return {"description": about, "content": {PROBLEM: {"schema": schemas.schema(Problem)}}}
