"""Requests that are here again, or too far from where they began, and what is told of loops above."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from twisted.logger import globalLogPublisher

from tests.doubles.shelves import file_of, page_of
from tests.web.node import LAPTOP, WebNode
from tiercache.errors import LoopFound, NoTierAnswered, TierUnreachable
from tiercache.policy.cache_status import Outcome
from tiercache.policy.hops import LOOP, MOST_HOPS, Hops

HERE = "00000000000000ff"


def node() -> WebNode:
    node = WebNode(presence=evolve(LAPTOP, node_id=HERE))
    node.pages.put(page_of("numpy", file_of("numpy-1.tar.gz")), local=True)
    return node


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/simple/numpy/", "/local/numpy/", "/healthz", "/nothing/here"])
@pytest.mark.parametrize("header", [{"CDN-Loop": HERE}, {"Via": f"1.1 other, 1.1 {HERE}"}])
def test_a_request_that_is_here_again_is_refused_unseen(method: str, path: str, header: dict[str, str]) -> None:
    web = node()
    reply = web.request(method, path, header)
    assert reply.status == 508
    assert reply.headers["cache-control"] == "no-store"
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert web.pages.asked == []


@pytest.mark.parametrize(("hops", "status"), [(MOST_HOPS, 200), (MOST_HOPS + 1, 508)])
def test_a_request_comes_so_far_and_no_further(hops: int, status: int) -> None:
    passed = ", ".join(f"{number:016x}" for number in range(hops))
    assert node().get("/simple/numpy/", {"CDN-Loop": passed}).status == status


def test_several_lines_of_a_field_count_together() -> None:
    web = node()
    connection = web.wire.connect()
    assert connection is not None
    head = f"Host: node.example\r\nCDN-Loop: a\r\nCDN-Loop: {HERE}\r\n"
    connection.send(f"GET /simple/numpy/ HTTP/1.1\r\n{head}\r\n".encode())
    assert connection.reply().status == 508


def test_hops_go_with_what_the_client_allows() -> None:
    web = node()
    web.get("/simple/numpy/", {"CDN-Loop": "a, b", "Via": "1.1 a, 1.1 b", "Cache-Control": "no-cache"})
    ((_, ask),) = web.pages.asked
    assert ask.hops == Hops(via=("1.1 a", "1.1 b"), cdn_loop=("a", "b"))
    assert ask.no_cache


def test_a_node_without_an_id_refuses_no_loop() -> None:
    web = WebNode()
    web.pages.put(page_of("numpy"))
    assert web.get("/simple/numpy/", {"CDN-Loop": HERE}).status == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NoTierAnswered(subject="The page of numpy", reason=LOOP), 508),
        (LoopFound(tier="office", reason=LOOP), 508),
        (NoTierAnswered(subject="The page of numpy", reason="it answered 500"), 503),
        (TierUnreachable(tier="office", reason="it answered 500"), 503),
    ],
)
def test_where_only_a_loop_stood_in_the_way_a_child_is_not_told_that_this_node_is_down(
    error: Exception, status: int
) -> None:
    web = node()
    web.pages.raising = error
    reply = web.get("/simple/numpy/")
    assert reply.status == status
    assert ("retry-after" in reply.headers) is (status == 503)


# -- what is told of the hops above -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("above", "header"),
    [
        (None, "laptop; fwd=miss"),
        ("office; hit", "office; hit, laptop; fwd=miss"),
        ("edge; hit, office; fwd=miss", "edge; hit, office; fwd=miss, laptop; fwd=miss"),
        ("x: y\r\nSet-Cookie: a=b", "laptop; fwd=miss"),
    ],
)
def test_cache_status_has_the_hops_above_before_this_one(above: str | None, header: str) -> None:
    web = WebNode()
    web.pages.put(page_of("numpy"), outcome=Outcome(fwd="miss", above=above))
    reply = web.get("/simple/numpy/")
    assert reply.headers["cache-status"] == header
    assert "set-cookie" not in reply.headers


def test_the_log_tells_of_this_hop_alone() -> None:
    web = WebNode()
    web.pages.put(page_of("numpy"), outcome=Outcome(fwd="miss", above="office; hit"))
    events: list[dict[str, object]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        web.get("/simple/numpy/")
    finally:
        globalLogPublisher.removeObserver(events.append)
    (event,) = [event for event in events if event.get("path") == "/simple/numpy/"]
    assert event["fwd"] == "miss"
    assert "above" not in event


@pytest.mark.parametrize(
    ("outcome", "age_s", "header"),
    [
        (Outcome(hit=True, ttl_s=400.5), 199.6, "max-age=0, s-maxage=600, must-revalidate"),
        (Outcome(fwd="stale", ttl_s=-100.0), 700.0, "max-age=0, s-maxage=600, must-revalidate"),
        (Outcome(hit=True, ttl_s=-5.0), 0.0, "max-age=0, s-maxage=0, must-revalidate"),
        (Outcome(hit=True, detail="local"), 10.0, "max-age=0, must-revalidate"),
        (
            Outcome(fwd="miss", fwd_status=200, stored=True, ttl_s=600.0),
            0.0,
            "max-age=0, s-maxage=600, must-revalidate",
        ),
        (Outcome(fwd="miss", fwd_status=200, stored=False, ttl_s=600.0), 0.0, "no-store"),
    ],
)
def test_other_nodes_are_told_the_lifetime_of_a_page_and_clients_to_ask_each_time(
    outcome: Outcome, age_s: float, header: str
) -> None:
    web = WebNode()
    web.pages.put(page_of("numpy"), outcome=outcome, age_s=age_s)
    reply = web.get("/simple/numpy/", {"Accept": "application/vnd.pypi.simple.v1+json"})
    assert reply.headers["cache-control"] == header
    assert json.loads(reply.body)["name"] == "numpy"


def test_a_loop_of_the_api_is_told_as_a_problem() -> None:
    reply = node().get("/api/v1/node", {"CDN-Loop": HERE})
    assert reply.status == 508
    assert reply.headers["content-type"] == "application/problem+json"
    assert json.loads(reply.body)["status"] == 508
