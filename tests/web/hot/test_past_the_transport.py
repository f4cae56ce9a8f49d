"""Answers go to the socket at once while the transport holds nothing, and never overtake what it holds.

`tests.doubles.outlet` itself fails a test in which something does.
"""

from __future__ import annotations

from pathlib import Path

from tests.web.hot.twins import FILE, NUMPY, Twins, head
from tiercache.web.limits import Limits

PAGE = head("GET", "/simple/numpy/")
STOCK = head("GET", "/healthz")


def warmed(folder: Path | None = None, limits: Limits | None = None) -> Twins:
    twins = Twins(folder=folder, limits=limits or Limits())
    twins.warm("/simple/numpy/")
    twins.warm(FILE)
    return twins


def test_ready_answer_is_the_socket_s_at_once() -> None:
    twins = warmed()
    connection = twins.connect()
    for _ in range(3):
        connection.send(PAGE)
    (outlet,) = twins.outlets.made
    assert len(outlet.written) == 3
    assert sum(outlet.written) == len(connection.received)


def test_head_and_file_leave_in_one_turn(tmp_path: Path) -> None:
    twins = warmed(tmp_path)
    connection = twins.connect()
    connection.send(head("GET", FILE))
    (outlet,) = twins.outlets.made
    assert (len(outlet.written), outlet.sent) == (1, [len(NUMPY)])
    assert connection.transport.producer is connection.protocol, "nobody was registered for it"
    assert connection.reply().body == NUMPY


def test_what_the_socket_does_not_take_is_the_transport_s_and_the_next_answer_waits_for_it() -> None:
    twins = warmed()
    connection = twins.connect()
    connection.send(PAGE)
    whole = connection.received
    connection.stall()
    twins.outlets.made[0].room = 100
    connection.send(PAGE)
    assert connection.received == whole + whole[:100]
    assert connection.held_bytes == len(whole) - 100
    connection.send(PAGE + STOCK + PAGE)
    assert connection.held_bytes == len(whole) - 100
    connection.take()
    statuses = [connection.reply().status for _ in range(5)]
    assert statuses == [200] * 5
    assert connection.received == b""


def test_answer_behind_one_of_the_application_is_the_transport_s_and_those_after_it_the_socket_s() -> None:
    twins = warmed()
    connection = twins.connect()
    connection.send(STOCK)
    connection.send(PAGE)
    (outlet,) = twins.outlets.made
    assert outlet.written == []
    connection.send(PAGE)
    assert len(outlet.written) == 1
    for _ in range(3):
        assert connection.reply().status == 200
    assert connection.received == b""


def test_file_behind_an_answer_that_the_transport_holds_follows_it(tmp_path: Path) -> None:
    twins = warmed(tmp_path)
    connection = twins.connect()
    connection.send(STOCK)
    connection.send(head("GET", FILE) + PAGE)
    assert connection.reply().status == 200
    assert connection.reply().body == NUMPY
    assert connection.reply().status == 200
    assert connection.received == b""


def test_client_that_does_not_take_the_rest_is_dropped_in_time() -> None:
    twins = warmed(limits=Limits(write_timeout_s=30.0, idle_timeout_s=5.0))
    connection = twins.connect()
    connection.stall()
    connection.send(PAGE)
    twins.node.clock.advance(29.0)
    assert connection.is_open
    twins.node.clock.advance(1.1)
    assert not connection.is_open


def test_socket_that_is_broken_is_the_transport_s_to_find() -> None:
    twins = warmed()
    connection = twins.connect()
    connection.send(PAGE)
    before = len(connection.received)
    twins.outlets.made[0].is_broken = True
    connection.send(PAGE)
    assert len(connection.received) == 2 * before


def test_client_that_leaves_while_the_transport_holds_an_answer_leaves_no_deadline() -> None:
    twins = warmed(limits=Limits(write_timeout_s=30.0))
    connection = twins.connect()
    connection.stall()
    connection.send(PAGE)
    connection.leave()
    site = twins.hot.site
    assert (len(site.idle), len(site.stalled), site.connections) == (0, 0, 0)
