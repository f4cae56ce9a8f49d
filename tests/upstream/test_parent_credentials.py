"""Credentials for a node: sent with everything that it is asked, and to nobody else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.doubles.far_index import NUMPY
from tests.doubles.far_node import API, far_node
from tests.doubles.now import begun
from tests.doubles.tier_http import TierHttp, http_answer
from tiercache.errors import TiercacheError
from tiercache.interfaces import IFeed
from tiercache.policy.entry import Validators
from tiercache.upstream.credentials import Credentials, credentials_of
from tiercache.upstream.parent import Parent
from tiercache.upstream.target import Target

BASE = Target.parse("https://index.example/simple/")
SHA256 = "0" * 64

ASKED: list[tuple[str, str, Callable[[Parent], Awaitable[Any]]]] = [
    ("GET", "node", lambda node: node.about()),
    ("GET", "reserved", lambda node: node.reserved()),
    ("GET", "changes", lambda node: node.follow(None)),
    ("POST", "pages", lambda node: node.page(NUMPY, Validators(), False)),
    ("GET", f"files/{SHA256}", lambda node: node.stored_file(SHA256, "f.tar.gz")),
]


def ask(http: TierHttp, call: Callable[[Parent], Awaitable[Any]], credentials: Credentials) -> None:
    asked = begun(call(far_node(http, credentials=credentials)))
    asked.addErrback(lambda failure: failure.trap(TiercacheError))
    http.settle()


@pytest.mark.parametrize(("method", "path", "call"), ASKED, ids=lambda one: str(one)[:8])
@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"token": "t0ken"}, "Bearer t0ken"),
        ({"user": "alice", "password": "s3cret"}, "Basic YWxpY2U6czNjcmV0"),
    ],
)
def test_a_node_is_asked_for_everything_with_its_credentials(
    http: TierHttp, method: str, path: str, call: Callable[[Parent], Awaitable[Any]], given: dict[str, str], sent: str
) -> None:
    ask(http, call, credentials_of(BASE, **given))  # type: ignore[arg-type]  # the keywords that it takes as text
    assert http.asked()[0] == f"{method} {API}{path}"
    assert {request.headers.get("authorization") for request in http.requests} == {sent}


@pytest.mark.parametrize(("method", "path", "call"), ASKED, ids=lambda one: str(one)[:8])
def test_a_node_that_sends_one_elsewhere_does_not_send_the_credentials_there(
    http: TierHttp, method: str, path: str, call: Callable[[Parent], Awaitable[Any]]
) -> None:
    http.on(f"{method} {API}{path}", http_answer(307, headers={"Location": "https://other.example/thing"}))
    ask(http, call, credentials_of(BASE, token="t0ken"))
    elsewhere = [request for request in http.requests if "other.example" in request.url]
    assert [request.url for request in elsewhere] == ["https://other.example/thing"]
    assert elsewhere[0].method == method
    assert "authorization" not in elsewhere[0].headers


@pytest.mark.parametrize(("method", "path", "call"), ASKED, ids=lambda one: str(one)[:8])
@pytest.mark.parametrize("location", ["http://index.example/thing", "https://10.0.0.1/thing", "file:///etc/passwd"])
def test_a_node_is_not_followed_to_where_no_tier_may_send_one(
    http: TierHttp, method: str, path: str, call: Callable[[Parent], Awaitable[Any]], location: str
) -> None:
    http.on(f"{method} {API}{path}", http_answer(307, headers={"Location": location}))
    ask(http, call, credentials_of(BASE, token="t0ken"))
    assert http.asked() == [f"{method} {API}{path}"]


def test_a_feed_that_is_followed_elsewhere_is_read_there(http: TierHttp) -> None:
    http.on(f"GET {API}changes", http_answer(308, headers={"Location": "https://index.example/new/changes"}))
    http.on(
        "GET https://index.example/new/changes",
        http_answer(200, headers={"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}, length=None),
    )
    node = far_node(http, credentials=credentials_of(BASE, token="t0ken"))
    assert IFeed.providedBy(http.result(node.follow(None)))
    assert http.requests[1].headers["authorization"] == "Bearer t0ken"


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()
