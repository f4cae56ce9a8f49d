"""Routes as a resource: each target is one route's."""

from __future__ import annotations

from typing import Any, cast

import pytest
from twisted.web.server import Request

from tiercache.web.answer import Answer
from tiercache.web.mounted import mounted
from tiercache.web.route import Route

NOBODY = cast("Any", None)


async def nothing(request: Request) -> Answer:
    raise NotImplementedError


def route(verb: str, path: str) -> Route:
    return Route(verb=verb, path=path, act=nothing, permission=None)


def test_two_routes_for_the_same_are_a_mistake_that_is_told_when_they_are_mounted() -> None:
    routes = [route("GET", "/a"), route("POST", "/a"), route("GET", "/b")]
    mounted(routes, guard=NOBODY, responder=NOBODY, keep=NOBODY)
    with pytest.raises(ValueError, match=r"^more than one route for GET /a$"):
        mounted([*routes, route("GET", "/a")], guard=NOBODY, responder=NOBODY, keep=NOBODY)
