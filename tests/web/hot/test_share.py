"""Requests that the application answers are begun turn by turn, and what is ready is answered in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock
from twisted.web.server import Request

from tests.doubles.now import ends_with
from tests.doubles.wire import HOST, Connection
from tests.web.hot.twins import Twins, but_its_date, head
from tiercache.cache.share import CLOSE_S, MOST_S, Share
from tiercache.web.hot.channel import AHEAD_BYTES
from tiercache.web.limits import Limits

PAGE, COLD = "/simple/numpy/", "/readyz"

TURN_S = 2.0**-10
"""Between a turn of the reactor and the next."""


@define(eq=False)
class WorkingClock:
    """The time of a node whose application takes its time."""

    clock: Clock
    worked_s: float = 0.0

    def seconds(self) -> float:
        return self.clock.seconds() + self.worked_s

    def callLater(self, delay: float, act: Callable[..., object], *args: object) -> IDelayedCall:  # noqa: N802
        return self.clock.callLater(delay or TURN_S, act, *args)


@define(eq=False)
class WorkingRoot:
    """A root whose every request takes so long; `begun` has their targets."""

    root: Any
    time: WorkingClock
    takes_s: float
    begun: list[bytes]
    isLeaf: bool = True  # noqa: N815  # the name in IResource

    def render(self, request: Request) -> object:
        self.begun.append(request.uri)
        self.time.worked_s += self.takes_s
        return self.root.render(request)


@define(eq=False)
class Working:
    """A node on which the application takes its time."""

    twins: Twins
    begun: list[bytes]

    @classmethod
    def made(cls, takes_s: float = MOST_S * 1.5, limits: Limits | None = None) -> Working:
        twins = Twins(limits=limits or Limits())
        twins.warm(PAGE)
        time = WorkingClock(twins.node.clock)
        site, begun = twins.hot.site, []
        site.share = Share(clock=time)
        site.resource = WorkingRoot(twins.asked, time, takes_s, begun)
        return cls(twins, begun)

    def asking(self, *requests: bytes) -> Connection:
        connection = self.twins.connect()
        connection.send(b"".join(requests))
        return connection

    def turn(self) -> None:
        self.twins.node.clock.advance(TURN_S)


def cold(number: int = 0, fields: dict[str, str] | None = None) -> bytes:
    return head("GET", f"{COLD}?{number}", fields)


def answers(connection: Connection) -> int:
    return connection.received.count(b"HTTP/1.1 200 OK")


def test_requests_that_come_together_are_begun_turn_by_turn_in_their_order() -> None:
    node = Working.made()
    connections = [node.asking(cold(number)) for number in range(50)]
    for turn in range(50):
        assert node.begun == [f"{COLD}?{number}".encode() for number in range(turn + 1)]
        node.turn()
    assert all(answers(connection) == 1 for connection in connections)


def test_as_many_are_begun_in_a_turn_as_there_is_time_for() -> None:
    node = Working.made(takes_s=MOST_S * 0.6)
    for number in range(7):
        node.asking(cold(number))
    begun = []
    for _ in range(4):
        begun.append(len(node.begun))
        node.turn()
    assert begun == [2, 4, 6, 7]


def test_what_is_ready_is_answered_while_others_wait() -> None:
    node = Working.made()
    for number in range(5):
        node.asking(cold(number))
    assert answers(node.asking(head("GET", PAGE), head("GET", PAGE))) == 2
    assert len(node.begun) == 1


def test_on_a_clock_that_stands_still_nobody_waits() -> None:
    node = Working.made(takes_s=0.0)
    assert all(answers(node.asking(cold(number))) == 1 for number in range(50))


def test_turn_that_nobody_has_used_up_leaves_no_call_behind() -> None:
    node = Working.made(takes_s=MOST_S * 0.6)
    node.asking(cold()).leave()
    assert not [call for call in node.twins.node.clock.getDelayedCalls() if call.getTime() < 0.1]
    node.asking(cold())
    node.turn()
    node.turn()
    assert not [call for call in node.twins.node.clock.getDelayedCalls() if call.getTime() < 0.1]


def test_answers_on_a_connection_are_in_the_order_of_its_requests() -> None:
    node = Working.made()
    node.asking(cold())
    connection = node.asking(head("GET", PAGE), cold(1), cold(2))
    connection.send(head("GET", PAGE))
    other = node.asking(cold(3))
    ready = node.twins.hot_answer(head("GET", PAGE))
    assert but_its_date(connection.received) == ready, "what comes before is not held up"
    while node.twins.hot.site.share._waiting:
        node.turn()
    bodies = [part.split(b"\r\n\r\n", 1)[1] for part in connection.received.split(b"HTTP/1.1 200 OK")[1:]]
    assert [len(body) > 100 for body in bodies] == [True, False, False, True]
    assert answers(other) == 1


def test_client_that_leaves_while_it_waits_is_not_begun_and_holds_nobody_up() -> None:
    node = Working.made()
    node.asking(cold())
    gone, stays = node.asking(cold(1)), node.asking(cold(2))
    gone.leave()
    node.turn()
    assert node.begun == [f"{COLD}?{number}".encode() for number in (0, 2)]
    assert answers(stays) == 1


@pytest.mark.parametrize(
    "request_",
    [
        f"GET {COLD} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode(),
        head("GET", COLD, {"Connection": "close"}),
    ],
    ids=["HTTP/1.0", "close"],
)
def test_connection_for_one_answer_is_closed_behind_it(request_: bytes) -> None:
    node = Working.made()
    node.asking(cold())
    connection = node.asking(request_)
    assert connection.received == b""
    assert connection.is_open
    node.turn()
    assert b" 200 OK\r\n" in connection.received
    assert not connection.is_open


def test_node_that_stops_answers_who_waits_and_closes() -> None:
    node = Working.made()
    node.asking(cold()).leave()
    connection = node.asking(cold(1))
    ended = ends_with(node.twins.hot.site.drain(5.0))
    assert not ended
    node.turn()
    node.turn()
    assert answers(connection) == 1
    assert not connection.is_open
    assert ended == [0]


def test_wait_is_no_idle_time() -> None:
    node = Working.made(limits=Limits(idle_timeout_s=10.0))
    node.asking(cold())
    connection = node.asking(cold(1))
    node.twins.hot.site.share._next.delay(30.0)
    node.twins.node.clock.advance(20)
    assert connection.is_open
    node.twins.node.clock.advance(15)
    assert answers(connection) == 1
    for _ in range(3):
        node.twins.node.clock.advance(10)
    assert not connection.is_open, "and is idle afterwards"


def test_what_comes_behind_who_waits_is_not_read_beyond_a_bound() -> None:
    node = Working.made()
    node.asking(cold())
    many = 2 + AHEAD_BYTES // len(cold(1))
    connection = node.asking(*(cold(1) for _ in range(many)))
    assert connection.transport.producerState == "paused"
    while node.twins.hot.site.share._waiting:
        node.turn()
    assert answers(connection) == many
    assert connection.transport.producerState == "producing"


def test_body_that_comes_in_pieces_while_its_head_waits_is_read_whole() -> None:
    node = Working.made()
    node.asking(cold())
    body = b"requirements=" + b"a" * 1000
    fields = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
    request = head("POST", "/simple/numpy/", fields) + body
    connection = node.asking(request[:40])
    connection.send(request[40:500])
    node.turn()
    connection.send(request[500:])
    assert b" 405 " in connection.received.split(b"\r\n")[0]
    assert node.begun[-1] == PAGE.encode()


def test_error_of_one_ends_nobody_else_s_wait() -> None:
    time = WorkingClock(Clock())
    share, done = Share(clock=time), []

    def fails() -> None:
        raise ValueError("on purpose")

    share.wait("first", fails)
    share.wait("second", lambda: done.append(2))
    with pytest.raises(ValueError, match="on purpose"):
        time.clock.advance(TURN_S)
    time.clock.advance(TURN_S)
    assert done == [2]


# -- who awaits a turn --------------------------------------------------------------------------------------------


def waiting(share: Share, time: WorkingClock, takes_s: float, ended: list[int], number: int) -> Deferred[None]:
    """Something that goes on for so long when its turn has come."""

    async def go_on() -> None:
        await share.next()
        time.worked_s += takes_s
        ended.append(number)

    return Deferred.fromCoroutine(go_on())


def test_answers_that_come_together_are_gone_on_with_turn_by_turn() -> None:
    time = WorkingClock(Clock())
    share, ended = Share(clock=time), []
    for number in range(5):
        waiting(share, time, MOST_S * 1.5, ended, number)
    for turn in range(5):
        assert ended == list(range(turn + 1))
        time.clock.advance(TURN_S)


def test_answers_that_come_one_by_one_wait_for_nothing_and_leave_no_call_behind() -> None:
    time = WorkingClock(Clock())
    share, ended = Share(clock=time), []
    for number in range(5):
        waiting(share, time, MOST_S * 1.5, ended, number)
        time.clock.advance(CLOSE_S)
        assert ended == list(range(number + 1))
    assert time.clock.getDelayedCalls() == []


def test_who_does_not_wait_any_more_is_passed_over() -> None:
    time = WorkingClock(Clock())
    share, ended = Share(clock=time), []
    waiting(share, time, MOST_S * 1.5, ended, 0)
    gone = waiting(share, time, MOST_S * 1.5, ended, 1)
    waiting(share, time, MOST_S * 1.5, ended, 2)
    gone.addErrback(lambda failure: failure.trap(CancelledError))
    gone.cancel()
    time.clock.advance(TURN_S)
    assert ended == [0, 2]
