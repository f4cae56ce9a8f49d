"""A worker beside its node, in memory and on fake time: what it answers of itself, and what goes where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.logger import globalLogPublisher

from tests.doubles.hosting import publish
from tests.doubles.small_node import CONFIG, wheel
from tests.web.hot.twins import FILE, NUMPY, SIDECAR, WorkerTwins, but_its_date, head
from tiercache.config import AccessConfig, GrantConfig, Secret, UserConfig
from tiercache.policy.hops import Hops
from tiercache.web.asker import Asker
from tiercache.web.limits import Limits
from tiercache.workers.messages import Ask, End, encoded

PAGE = "/simple/numpy/"


@pytest.fixture
def twins() -> WorkerTwins:
    """One that was told of a page."""
    twins = WorkerTwins()
    twins.warm(PAGE)
    assert twins.is_hot(head("GET", PAGE))
    return twins


def asked(twins: WorkerTwins) -> int:
    """How often the worker has asked the node."""
    asker = Asker(address="", user_agent="", hops=Hops(), is_for_all=True)
    return twins.joined.to_node.written.count(encoded(Ask(PAGE.encode(), None, asker))[:6])


def node_hits(twins: WorkerTwins) -> int:
    twins.joined.worker.tell()
    return twins.node.parts.stats.hits


def test_what_was_told_is_answered_without_a_word_to_the_node(twins: WorkerTwins) -> None:
    said = len(twins.joined.to_node.written)
    connection = twins.connect()
    for _ in range(10):
        connection.send(head("GET", PAGE) + head("HEAD", PAGE) + head("GET", PAGE, {"If-None-Match": "*"}))
    assert connection.received.count(b"HTTP/1.1 200 OK") == 20
    assert connection.received.count(b"HTTP/1.1 304 Not Modified") == 10
    assert len(twins.joined.to_node.written) == said
    assert twins.joined.moved == 0


def test_it_goes_on_for_as_long_as_the_page_is_fresh_and_is_asked_for_each_minute(twins: WorkerTwins) -> None:
    before = asked(twins)
    connection = twins.connect()
    twins.node.clock.advance(59.5)
    connection.send(head("GET", PAGE))
    assert b"\r\nAge: 60\r\n" in connection.received
    assert b"ttl=540" in connection.received
    assert asked(twins) == before
    twins.node.clock.advance(0.5)
    connection.send(head("GET", PAGE))
    assert asked(twins) == before + 1
    assert twins.joined.moved == 0


def test_answer_of_before_a_change_is_never_given_after_it(twins: WorkerTwins) -> None:
    twins.warm("/simple/acme-tools/")
    old = twins.hot_answer(head("GET", "/simple/acme-tools/"))
    assert twins.is_hot(head("GET", "/simple/acme-tools/"))
    twins.joined.to_worker.is_held = True  # no word of the node's comes through
    parts = twins.node.parts
    publish(parts.hosted, parts.stored_files, "acme-tools", "acme_tools-2.0-py3-none-any.whl", wheel("a", "2.0", b"x"))
    connection = twins.connect()
    connection.send(head("GET", "/simple/acme-tools/"))
    assert connection.received == b"", "it waits for the node's word"
    twins.joined.to_worker.release()
    assert b"acme_tools-2.0" in connection.received
    assert but_its_date(connection.received) != old


def test_word_that_was_overtaken_by_a_change_is_not_answered_either(twins: WorkerTwins) -> None:
    twins.joined.to_worker.is_held = True
    twins.node.parts.knowledge.changed_for_all()
    connection = twins.connect()
    connection.send(head("GET", PAGE))
    twins.node.parts.knowledge.changed_for_all()  # while the word is under way
    twins.joined.to_worker.release()
    assert twins.joined.moved == 1, "asked once, it goes to who knows"
    assert b"HTTP/1.1 200 OK" in connection.received


def test_many_who_ask_for_the_same_are_one_question(twins: WorkerTwins) -> None:
    twins.node.parts.knowledge.changed_for_all()
    twins.joined.to_worker.is_held = True
    before = asked(twins)
    connections = [twins.connect() for _ in range(20)]
    for connection in connections:
        connection.send(head("GET", PAGE))
    assert asked(twins) == before + 1
    twins.joined.to_worker.release()
    assert all(b"HTTP/1.1 200 OK" in connection.received for connection in connections)
    assert twins.joined.moved == 0


def test_client_that_leaves_while_the_node_is_asked_is_forgotten(twins: WorkerTwins) -> None:
    twins.node.parts.knowledge.changed_for_all()
    twins.joined.to_worker.is_held = True
    connection = twins.connect()
    connection.send(head("GET", PAGE))
    connection.leave()
    twins.joined.to_worker.release()
    assert twins.joined.moved == 0
    assert twins.joined.worker.site.connections == 0


def test_what_comes_behind_a_question_waits_within_bounds(twins: WorkerTwins) -> None:
    twins.node.parts.knowledge.changed_for_all()
    twins.joined.to_worker.is_held = True
    connection = twins.connect()
    for _ in range(400):
        connection.send(head("GET", PAGE))
        if connection.transport.producerState == "paused":
            break
    assert connection.transport.producerState == "paused"
    twins.joined.to_worker.release()
    while twins.node.clock.getDelayedCalls() and connection.received.count(b"200 OK") < 100:
        twins.node.clock.advance(0)
    assert connection.transport.producerState == "producing"
    assert twins.joined.moved == 0


@pytest.mark.parametrize(
    "request_",
    [
        head("POST", "/legacy/", {"Content-Length": "0"}),
        head("GET", "/healthz"),
        head("GET", PAGE, {"Cache-Control": "no-cache"}),
        head("GET", PAGE, {"Via": "1.1 here"}),
        head("GET", "/simple/nothing/"),
        b"GET " + PAGE.encode() + b" HTTP/1.0\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_all_else_goes_to_the_node_and_is_answered_as_there(twins: WorkerTwins, request_: bytes) -> None:
    connection = twins.connect()
    connection.send(request_)
    assert twins.joined.moved == 1
    stock = twins.stock.connect()
    stock.send(request_)
    assert but_its_date(connection.received) == but_its_date(stock.received)
    assert connection.is_open is stock.is_open


def test_head_that_drips_in_is_the_node_s_from_its_first_byte(twins: WorkerTwins) -> None:
    connection = twins.connect()
    for byte in head("GET", PAGE):
        connection.send(bytes([byte]))
    assert twins.joined.moved == 1
    assert b"HTTP/1.1 200 OK" in connection.received


def test_connection_returns_when_it_asks_for_what_is_ready_again(twins: WorkerTwins) -> None:
    connection = twins.connect()
    connection.send(head("GET", "/healthz"))
    assert (twins.joined.moved, twins.joined.returned) == (1, 0), "who knows what it asks for next"
    connection.send(head("GET", PAGE))
    assert (twins.joined.moved, twins.joined.returned) == (1, 1)
    twins.node.clock.advance(0)
    said = len(twins.joined.to_node.written)
    connection.send(head("GET", PAGE))
    assert connection.received.count(b"HTTP/1.1 200 OK") == 3
    assert len(twins.joined.to_node.written) == said, "it is the worker's again"
    assert (twins.joined.worker.site.connections, twins.joined.site.connections) == (1, 0)


def test_connection_stays_with_the_node_while_its_worker_has_none(twins: WorkerTwins) -> None:
    connection = twins.connect()
    connection.send(head("GET", "/healthz"))
    twins.joined.desk.leave()
    connection.send(head("GET", PAGE))
    assert twins.joined.returned == 0
    assert connection.received.count(b"HTTP/1.1 200 OK") == 2


def test_answers_before_are_all_sent_before_a_connection_leaves(twins: WorkerTwins) -> None:
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", PAGE) + head("GET", "/healthz"))
    assert twins.joined.moved == 0
    connection.take()
    assert twins.joined.moved == 1
    first, second = connection.reply(), connection.reply()
    assert (first.status, second.status) == (200, 200)
    assert b"numpy-1.0" in first.body


def test_client_that_takes_nothing_before_it_leaves_is_dropped() -> None:
    twins = WorkerTwins(limits=Limits(write_timeout_s=30.0))
    twins.warm(PAGE)
    twins.hot_answer(head("GET", PAGE))
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", PAGE) + head("GET", "/healthz"))
    twins.node.clock.advance(29.9)
    assert connection.is_open
    twins.node.clock.advance(0.2)
    assert not connection.is_open
    assert twins.joined.moved == 0


def test_idle_connection_is_closed_in_its_time() -> None:
    twins = WorkerTwins(limits=Limits(idle_timeout_s=60.0))
    connection = twins.connect()
    twins.node.clock.advance(59.9)
    assert connection.is_open
    twins.node.clock.advance(0.2)
    assert not connection.is_open


def test_peer_of_a_connection_is_its_own_wherever_it_is(twins: WorkerTwins) -> None:
    twins.joined.wire.peer = "198.51.100.7"
    request = head("POST", "/legacy/", {"Content-Length": "1"}) + b"x"
    far = twins.connect()
    far.send(request)
    twins.joined.wire.peer = "127.0.0.1"
    near = twins.connect()
    near.send(request.replace(b"node.example:8141", b"localhost:8141"))
    assert far.reply().status in (401, 403)
    assert near.reply().status in (400, 415), "a program of the node's own machine may, if it knows how"


# -- what the node is told ----------------------------------------------------------------------------------------


@pytest.fixture
def events() -> Iterator[list[dict[str, Any]]]:
    seen: list[dict[str, Any]] = []

    def observe(event: dict[str, Any]) -> None:
        if event.get("log_namespace") == "tiercache.web.access_log":
            seen.extend(line.fields for line in event.get("log_lines", ()))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def test_counters_and_lines_come_within_a_tenth_of_a_second(twins: WorkerTwins, events: list[dict[str, Any]]) -> None:
    hits = node_hits(twins)
    events.clear()
    connection = twins.connect()
    for _ in range(5):
        connection.send(head("GET", PAGE))
    assert (twins.node.parts.stats.hits, len(events)) == (hits, 0)
    twins.node.clock.advance(0.1)
    twins.joined.site.hot.flush()
    assert (twins.node.parts.stats.hits, len(events)) == (hits + 5, 5)
    assert events[0]["client"] == "192.0.2.7"


def test_many_lines_are_told_at_once_and_none_are_lost(twins: WorkerTwins, events: list[dict[str, Any]]) -> None:
    events.clear()
    connection = twins.connect()
    for _ in range(450):
        connection.send(head("GET", PAGE))
        connection.transport.clear()
    twins.joined.site.hot.flush()
    assert len(events) == 400
    twins.node.clock.advance(0.1)
    twins.joined.site.hot.flush()
    assert len(events) == 450


def test_file_that_a_worker_sends_counts_as_used(tmp_path: Path) -> None:
    twins = WorkerTwins(folder=tmp_path)
    twins.warm(FILE)
    twins.hot_answer(head("GET", FILE))
    usage = twins.node.parts.at_hand._usage
    usage.take_times()
    twins.node.clock.advance(30)
    asked_before = twins.joined.to_node.written.count(b"Ask")
    answer = twins.hot_answer(head("GET", FILE, {"Range": "bytes=0-3"}))
    assert answer.endswith(b"\r\n\r\n" + NUMPY[:4])
    assert twins.joined.to_node.written.count(b"Ask") == asked_before
    assert list(usage.take_times().values()) == [30.0]
    assert not usage.is_in_use(next(iter(usage._used_at), ""))


def test_file_that_has_left_the_store_is_asked_for_at_the_node(tmp_path: Path) -> None:
    twins = WorkerTwins(folder=tmp_path)
    twins.warm(FILE)
    twins.hot_answer(head("GET", FILE))
    twins.node.clock.advance(5)
    twins.node.parts.stored_files.remove(FILE.split("/")[2])
    connection = twins.connect()
    connection.send(head("GET", FILE))
    assert twins.joined.moved >= 1
    assert b"HTTP/1.1 200 OK" in connection.received, "from its tier"


# -- who may ------------------------------------------------------------------------------------------------------


def test_node_of_tokens_alone_has_nothing_ready_for_anybody() -> None:
    access = AccessConfig(
        users={"alice": UserConfig(token=Secret("alices-token"))},
        grants=(GrantConfig(who=("alice",), may=("read",), projects=("*",)),),
    )
    twins = WorkerTwins(config=evolve(CONFIG, access=access))
    shown = {"Authorization": "Bearer alices-token"}
    for path in (PAGE, "/simple/acme-tools/", SIDECAR):
        assert b" 200 " in twins.hot_answer(head("GET", path, shown))
        assert b" 200 " in twins.hot_answer(head("GET", path, shown))
        for fields in ({}, {"Authorization": "Bearer nobodys"}):
            assert b" 401 " in twins.hot_answer(head("GET", path, fields))
    assert not twins.joined.worker.site.hot.ready.held_bytes
    assert b"Found" not in twins.joined.to_worker.written


# -- limits and ends ----------------------------------------------------------------------------------------------


def test_connections_of_node_and_worker_count_together() -> None:
    twins = WorkerTwins(limits=Limits(connections=3, refusals=1))
    connections = [twins.connect() for _ in range(3)]
    connections[0].send(head("GET", "/healthz"))
    assert connections[0].reply().status == 200, "one that moves is no new one"
    twins.node.clock.advance(0)
    assert (twins.joined.worker.site.connections, twins.joined.site.connections) == (2, 1)
    refused = twins.connect()
    assert refused.reply().status == 503
    connections[0].leave()
    refused.leave()
    assert twins.hot_answer(head("GET", "/healthz")).startswith(b"HTTP/1.1 200")


def test_worker_ends_when_it_is_told_and_all_is_told_before(twins: WorkerTwins) -> None:
    hits = node_hits(twins)
    idle, busy = twins.connect(), twins.connect()
    idle.send(head("GET", PAGE))
    twins.joined.desk.line.say(End(10.0))
    assert not idle.is_open
    assert not busy.is_open
    assert twins.joined.has_ended
    assert twins.node.parts.stats.hits == hits + 1


def test_worker_that_ends_lets_what_is_under_way_end_and_cuts_what_does_not(twins: WorkerTwins) -> None:
    twins.node.parts.knowledge.changed_for_all()
    twins.joined.to_worker.is_held = True
    connection = twins.connect()
    connection.send(head("GET", PAGE))
    held, twins.joined.to_worker.held = twins.joined.to_worker.held, []
    twins.joined.to_worker.is_held = False
    twins.joined.desk.line.say(End(10.0))
    assert connection.is_open
    assert not twins.joined.has_ended
    for arrives in held:
        arrives()
    twins.node.clock.advance(0)
    assert b"HTTP/1.1 200 OK" in connection.received, "the node answers it"
    twins.node.clock.advance(0)
    assert twins.joined.has_ended


def test_worker_without_its_node_ends(twins: WorkerTwins) -> None:
    twins.joined.to_worker.abortConnection()
    assert twins.joined.has_ended


def test_bad_frame_ends_the_line_and_the_worker(twins: WorkerTwins) -> None:
    twins.joined.desk.line.dataReceived(b"\x00\x00\x00\x01\xc1")
    assert twins.joined.has_ended
    assert not twins.joined.desk.is_in
