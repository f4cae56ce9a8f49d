"""How much one connection may take of the front: of memory, of time, and of the others' turns."""

from __future__ import annotations

import pytest

from tests.doubles.hosting import publish
from tests.doubles.outlet import MemoryOutlet
from tests.doubles.wire import Connection
from tests.web.hot.twins import Twins, but_its_date, head
from tiercache.web.hot.channel import MOST_A_TURN, PIECE_BYTES
from tiercache.web.limits import Limits

PAGE = head("GET", "/simple/numpy/")


def with_large_page(twins: Twins) -> bytes:
    """Have a page ready that is larger than a piece; its answer."""
    parts = twins.node.parts
    for number in range(120):
        publish(
            parts.hosted, parts.stored_files, "acme-tools", f"acme_tools-{number}.0.tar.gz", b"%d" % number, **REASON
        )
    answer = twins.warm("/simple/acme-tools/")
    assert len(answer) > PIECE_BYTES * 2
    return answer


def with_room(twins: Twins, room_bytes: int) -> tuple[Connection, MemoryOutlet]:
    """A connection whose client takes nothing, with so much room in its socket."""
    connection = twins.connect()
    connection.stall()
    outlet = twins.outlets.of(connection.transport)
    assert outlet is not None
    outlet.room = room_bytes
    return connection, outlet


REASON = {"yanked": "r" * 6000}


def test_client_that_pipelines_and_never_reads_makes_no_memory_grow() -> None:
    twins = Twins()
    answer = with_large_page(twins)
    connection = twins.connect()
    connection.stall()
    request = head("GET", "/simple/acme-tools/")
    for _ in range(50):
        connection.send(request)
    assert connection.held_bytes <= 2 * PIECE_BYTES
    assert connection.transport.producerState == "paused", "nor is more read"
    connection.take()
    twins.node.clock.advance(0)
    received = but_its_date(connection.received)
    assert received == answer * 50, "all of it comes, as soon as it is read"


def test_large_page_goes_past_the_transport_as_its_client_takes_it() -> None:
    twins = Twins()
    answer = with_large_page(twins)
    connection, outlet = with_room(twins, 100_000)
    connection.send(head("GET", "/simple/acme-tools/") + PAGE)
    for taken in (100_000, 150_000):
        assert but_its_date(connection.received) == but_its_date(answer)[: len(but_its_date(connection.received))]
        assert (len(connection.received), connection.held_bytes) == (taken, 0)
        outlet.room = 50_000
        connection.transport.producer.resumeProducing()
    connection.take()
    twins.node.clock.advance(0)
    first, second = connection.reply(), connection.reply()
    assert (first.status, second.status, connection.received) == (200, 200, b"")
    assert answer.endswith(first.body)


def test_socket_that_breaks_within_a_large_page_is_the_transport_s_to_find() -> None:
    twins = Twins()
    answer = with_large_page(twins)
    connection, outlet = with_room(twins, 100_000)
    connection.send(head("GET", "/simple/acme-tools/"))
    outlet.is_broken = True
    connection.transport.producer.resumeProducing()
    assert connection.held_bytes == PIECE_BYTES
    connection.take()
    received = but_its_date(connection.received)
    assert received == answer


def test_pipelined_requests_leave_the_others_their_turn() -> None:
    twins = Twins()
    answer = twins.warm("/simple/numpy/")
    many, one = twins.connect(), twins.connect()
    many.send(PAGE * (MOST_A_TURN * 2 + 5))
    assert but_its_date(many.received) == answer * MOST_A_TURN
    one.send(PAGE)
    assert but_its_date(one.received) == answer
    twins.node.clock.advance(0)
    assert but_its_date(many.received) == answer * (MOST_A_TURN * 2 + 5)
    assert many.is_open


def test_what_waits_for_its_turn_is_forgotten_with_its_client() -> None:
    twins = Twins(limits=Limits(idle_timeout_s=60.0))
    twins.warm("/simple/numpy/")
    connection = twins.connect()
    connection.send(PAGE * (MOST_A_TURN + 5))
    connection.leave()
    twins.hot.site.hot.flush()
    assert twins.node.clock.getDelayedCalls() == []


@pytest.mark.parametrize("path", ["/simple/numpy/", "/simple/acme-tools/"])
def test_client_that_takes_nothing_of_a_page_is_dropped_in_time(path: str) -> None:
    twins = Twins(limits=Limits(write_timeout_s=30.0, idle_timeout_s=5.0))
    with_large_page(twins)
    twins.warm(path)
    connection = twins.connect()
    connection.stall()
    for _ in range(200):
        connection.send(head("GET", path))
    twins.node.clock.advance(0)
    if path == "/simple/acme-tools/":
        twins.node.clock.advance(29.8)
        assert connection.is_open
        connection.sip()
        twins.node.clock.advance(29.9)
        assert connection.is_open, "it has taken some"
    twins.node.clock.advance(30.1)
    assert not connection.is_open
    twins.hot.site.hot.flush()
    assert twins.node.clock.getDelayedCalls() == []


def test_client_that_reads_slowly_has_its_page_all_the_same() -> None:
    twins = Twins(limits=Limits(write_timeout_s=30.0, idle_timeout_s=5.0))
    answer = with_large_page(twins)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", "/simple/acme-tools/"))
    for _ in range(2):
        twins.node.clock.advance(29.0)
        connection.sip()
    twins.node.clock.advance(29.0)
    connection.take()
    assert but_its_date(connection.received) == answer
    twins.node.clock.advance(4.9)
    assert connection.is_open
    twins.node.clock.advance(0.2)
    assert not connection.is_open, "it is idle since the page was read"


def test_ten_thousand_idle_connections_have_one_alarm_and_each_its_own_time() -> None:
    twins = Twins(limits=Limits(idle_timeout_s=60.0, connections=20_000))
    twins.warm("/simple/numpy/")
    twins.node.clock.advance(100)
    connections = [twins.connect() for _ in range(10_000)]
    assert len(twins.node.clock.getDelayedCalls()) == 1
    twins.node.clock.advance(30)
    connections[7].send(PAGE)
    twins.node.clock.advance(30)
    assert [number for number, connection in enumerate(connections) if connection.is_open] == [7]
    twins.node.clock.advance(29.9)
    assert connections[7].is_open
    twins.node.clock.advance(0.2)
    assert not connections[7].is_open
    assert twins.node.clock.getDelayedCalls() == []


def test_node_that_stops_lets_a_page_end_and_answers_nothing_behind_it() -> None:
    twins = Twins()
    answer = with_large_page(twins)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", "/simple/acme-tools/") * 2)
    connection.protocol.close_when_idle()
    assert connection.is_open
    connection.take()
    assert but_its_date(connection.received) == answer
    assert not connection.is_open


def test_request_line_and_block_beyond_what_is_plain_are_the_stock_channel_s() -> None:
    twins = Twins()
    twins.warm("/simple/numpy/")
    for fields in ({"X": "a" * 5000}, {f"X-{number}": "1" for number in range(99)}):
        request = head("GET", "/simple/numpy/", fields)
        assert not twins.is_hot(request)
        assert twins.hot_answer(request) == twins.stock_answer(request)


def test_table_of_ready_answers_is_bounded_and_drops_what_was_asked_for_least_lately() -> None:
    twins = Twins()
    ready = twins.hot.site.hot.ready
    ready._limit_bytes = 30_000
    twins.warm("/local/acme-tools/")
    assert ready.held_bytes <= 30_000
    for number in range(40):
        ready.keep(b"/made-up/%d" % number, next(iter(ready._places[b"/local/acme-tools/"].values())).standing)
        assert twins.is_hot(head("GET", "/local/acme-tools/"))
        assert ready.held_bytes <= 30_000
    assert b"/made-up/0" not in ready
