"""The line of each request: its fields, and what must not be in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from twisted.logger import formatEvent, globalLogPublisher

from tests.doubles.shelves import MemoryBody, file_of, page_of
from tests.web.node import WebNode
from tiercache.policy.cache_status import Outcome

Events = list[dict[str, Any]]


@pytest.fixture
def events() -> Iterator[Events]:
    seen: Events = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "tiercache.web.access_log":
            seen.append(event)

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def test_one_line_a_request_with_the_words_of_cache_status(events: Events) -> None:
    node = WebNode()
    outcome = Outcome(fwd="stale", fwd_status=200, stored=True, collapsed=True, tier="office", detail="patience")
    node.pages.put(page_of("numpy", file_of("numpy-1.tar.gz")), outcome=outcome)
    reply = node.get("/simple/numpy/", {"User-Agent": "pip/26.2"})
    (event,) = events
    assert event["method"] == "GET"
    assert event["path"] == "/simple/numpy/"
    assert (event["status"], event["sent_bytes"]) == (200, len(reply.body))
    assert event["client"] == "192.0.2.7"
    assert event["agent"] == "pip/26.2"
    assert event["ended"] == "whole"
    assert (event["fwd"], event["fwd_status"], event["stored"], event["collapsed"]) == ("stale", 200, True, True)
    assert (event["tier"], event["detail"]) == ("office", "patience")
    line = formatEvent(event)
    assert "192.0.2.7 GET /simple/numpy/ 200" in line
    assert "fwd=stale,stored,collapsed,detail=patience,tier=office" in line


def test_seconds_are_counted_to_the_last_byte(events: Events) -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold('a-1.tar.gz', body, 1)}/a-1.tar.gz")
    node.clock.advance(2.5)
    assert events == []
    body.feed(b"a")
    body.end()
    assert [(event["seconds"], event["sent_bytes"], event["tier"]) for event in events] == [(2.5, 1, "public")]


def test_errors_and_refusals_have_their_line_too(events: Events) -> None:
    node = WebNode()
    for path in ("/nowhere", "/simple/none/", "/%00"):
        node.get(path)
    node.request("POST", "/")
    node.head("/healthz")
    assert [event["status"] for event in events] == [404, 404, 404, 405, 200]
    assert events[-1]["sent_bytes"] == 0


def test_client_that_left_is_told_from_one_that_got_all(events: Events) -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    path = f"/files/{node.files.put_cold('a-1.tar.gz', body, 9)}/a-1.tar.gz"
    for fed in (b"", b"abc"):
        connection = node.wire.connect()
        connection.ask("GET", path)
        if fed:
            body.feed(fed)
        connection.leave()
    assert [(event["status"], event["ended"]) for event in events] == [(499, "cut"), (200, "cut")]


def test_no_credential_reaches_the_log(events: Events) -> None:
    node = WebNode()
    secrets = {"Authorization": "Bearer s3cret", "Cookie": "s3cret", "Referer": "http://u:s3cret@x.example/"}
    node.get("/simple/?token=s3cret", secrets)
    node.get("http://user:s3cret@node.example/simple/?x=s3cret", secrets)
    node.request("PUT", "/api/v1/offline", secrets, b'{"offline": true}')
    assert len(events) == 3
    for event in events:
        kept = {key: value for key, value in event.items() if not key.startswith("log_")}
        assert "s3cret" not in repr(kept) + formatEvent(event)


def test_no_client_forges_a_line_or_fills_the_log(events: Events) -> None:
    node = WebNode()
    node.get("/simple/" + "a" * 5000, {"User-Agent": "\x1b[31mred {status}\x7f\x85" + "x" * 500})
    (event,) = events
    assert len(event["path"]) <= 401
    assert len(event["agent"]) <= 121
    assert formatEvent(event).isprintable()
    assert "{status}" in event["agent"]
