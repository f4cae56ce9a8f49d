"""Requests for many pages that are none, and those just within the bounds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.web.node import WebNode
from tiercache.web.tier.pages import MOST_BODY_BYTES
from tiercache.wire import MOST_PROJECTS, MOST_SIDECARS

PATH = "/api/v1/pages"
JSON_BODY = {"Content-Type": "application/json"}


def body_for(*names: str, **more: Any) -> bytes:
    return json.dumps({"projects": [{"name": name} for name in names], **more}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"{}",
        b'{"projects": []}',
        b'{"projects": {}}',
        b'{"projects": ["numpy"]}',
        b'{"projects": [{}]}',
        b'{"projects": [{"name": 1}]}',
        b'{"projects": [{"name": ""}]}',
        b'{"projects": [{"name": "NumPy"}]}',
        b'{"projects": [{"name": "a_b"}]}',
        b'{"projects": [{"name": "a\\n"}]}',
        b'{"projects": [{"name": "../etc"}]}',
        b'{"projects": [{"name": "numpy", "etag": 1}]}',
        b'{"projects": [{"name": "numpy"}], "metadata": -1}',
        b'{"projects": [{"name": "numpy"}], "metadata": "3"}',
        b"[" * 100_000,
        json.dumps({"projects": [{"name": "numpy", "etag": "x" * 1025}]}).encode(),
        json.dumps({"projects": [{"name": "x" * 201}]}).encode(),
        body_for("numpy", metadata=MOST_SIDECARS + 1),
        body_for(*[f"p{number}" for number in range(MOST_PROJECTS + 1)]),
    ],
    ids=lambda body: repr(body[:60]),
)
def test_a_body_that_is_not_as_it_should_be_is_a_problem(body: bytes) -> None:
    node = WebNode()
    reply = node.request("POST", PATH, JSON_BODY, body)
    assert reply.status == 400
    assert reply.headers["content-type"] == "application/problem+json"
    assert node.pages.asked == []


@pytest.mark.parametrize(
    "body",
    [
        body_for(*[f"p{number}" for number in range(MOST_PROJECTS)], metadata=MOST_SIDECARS),
        json.dumps({"projects": [{"name": "x" * 200, "etag": "x" * 1024}], "newer": {"than": "this"}}).encode(),
        body_for("numpy") + b" " * (MOST_BODY_BYTES - len(body_for("numpy"))),
    ],
    ids=["many", "long", "padded"],
)
def test_what_is_just_within_the_bounds_is_answered(body: bytes) -> None:
    assert WebNode().request("POST", PATH, JSON_BODY, body).status == 200


def test_a_body_one_byte_over_its_bound_is_refused() -> None:
    body = body_for("numpy") + b" " * (MOST_BODY_BYTES - len(body_for("numpy")) + 1)
    assert WebNode().request("POST", PATH, JSON_BODY, body).status == 413


@pytest.mark.parametrize("headers", [{"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}])
def test_a_body_of_another_type_or_coding_is_refused(headers: dict[str, str]) -> None:
    reply = WebNode().request("POST", PATH, {**JSON_BODY, **headers}, body_for("numpy"))
    assert reply.status == 415
    assert reply.headers["content-type"] == "application/problem+json"
