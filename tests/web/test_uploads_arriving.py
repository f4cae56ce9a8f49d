"""Bodies that are taken in as they come: on a site whose root keeps what it is sent, in memory, byte by byte."""

# ruff: noqa: N802, N815  # the names of IResource

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from tests.doubles.now import begun
from tests.doubles.wire import HOST, Connection, Wire
from tiercache.errors import BodyStalled, BodyTooLarge
from tiercache.web.inflow import LEAST_BYTES_PER_S, PIECE_BYTES, next_piece
from tiercache.web.limits import Limits

REFUSED = 403


@implementer(IResource)
@define(eq=False)
class Taker:
    """Takes bodies in, one piece a turn: a piece that is `held` keeps it busy, as a slow disk does.

    `refuses`: it answers at once, and reads nothing.
    """

    refuses: bool = False
    holds: bool = False
    taken: bytearray = field(factory=bytearray)
    routed: int = 0
    left: list[str] = field(factory=list)
    busy: Deferred[None] | None = None
    isLeaf: bool = True

    def render(self, request: Request) -> object:
        self.routed += 1
        begun(self.answer(request))
        return NOT_DONE_YET

    async def answer(self, request: Request) -> None:
        gone = request.notifyFinish()
        work = begun(self.take(request))
        gone.addErrback(lambda _: work.cancel())
        try:
            status = await work
        except CancelledError:
            self.left.append("left")
            return
        request.setResponseCode(status)
        request.setHeader(b"Content-Length", b"3")
        request.write(b"end")
        request.finish()

    async def take(self, request: Request) -> int:
        if self.refuses:
            return REFUSED
        try:
            while piece := await next_piece(request):
                self.taken += piece
                if self.holds:
                    self.busy = Deferred()
                    await self.busy
        except BodyTooLarge:
            return 413
        except BodyStalled:
            return 408
        return 200

    def go_on(self) -> None:
        """The disk has taken what it was given."""
        assert self.busy is not None
        busy, self.busy = self.busy, None
        busy.callback(None)

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        raise LookupError(name)

    def putChild(self, path: bytes, child: IResource) -> None:
        raise LookupError(path)


def site(taker: Taker, **limits: float) -> Wire:
    return Wire.to(taker, Limits(**limits))  # type: ignore[arg-type]  # as the test gives them


def begin(wire: Wire, **fields: str) -> Connection:
    """An upload whose head is here; `fields` with `_` for `-`."""
    connection = wire.connect()
    assert connection is not None
    connection.ask("POST", "/legacy/", {name.replace("_", "-"): value for name, value in fields.items()})
    return connection


def is_paused(connection: Connection) -> bool:
    return connection.transport.producerState == "paused"


# -- while it comes -----------------------------------------------------------------------------------------------


def test_route_runs_as_soon_as_the_head_is_here_and_answers_when_all_of_the_body_is() -> None:
    taker = Taker()
    connection = begin(site(taker), Content_Length="6")
    assert taker.routed == 1
    connection.send(b"abc")
    assert connection.received == b""
    connection.send(b"def")
    assert connection.reply("POST").status == 200
    assert taker.taken == b"abcdef"


@pytest.mark.parametrize("method", ["POST /", "POST /simple/?x", "PUT /packages/source/a/a/a-1.tar.gz"])
@pytest.mark.parametrize("host", ["", f"http://{HOST}"])
def test_every_upload_is_taken_in_as_it_comes(method: str, host: str) -> None:
    taker = Taker()
    connection = site(taker).connect()
    verb, path = method.split()
    connection.ask(verb, host + path, {"Content-Length": "6"})
    assert taker.routed == 1
    connection.send(b"abcdef")
    assert connection.reply("POST").status == 200


@pytest.mark.parametrize("request_line", ["PUT /legacy/", "POST /legacy/x", "POST /packages/a", "POST //", "GET /"])
def test_every_other_body_is_here_before_its_route_runs(request_line: str) -> None:
    taker = Taker()
    connection = site(taker).connect()
    connection.ask(*request_line.split(), {"Content-Length": "6"})
    connection.send(b"abc")
    assert taker.routed == 0
    connection.send(b"def")
    assert taker.taken == b"abcdef"


def test_connection_serves_on_after_an_upload_and_what_was_sent_behind_it() -> None:
    taker = Taker()
    connection = begin(site(taker), Content_Length="3")
    connection.send(b"abc" + f"POST /legacy/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nd".encode())
    assert connection.reply("POST").status == 200
    connection.send(b"ef")
    assert connection.reply("POST").status == 200
    assert taker.taken == b"abcdef"
    connection.ask("GET", "/")
    assert connection.reply().status == 200


def test_body_in_chunks_is_taken_in() -> None:
    taker = Taker()
    connection = begin(site(taker), Transfer_Encoding="chunked")
    connection.send(b"3\r\nabc\r\n")
    assert taker.routed == 1
    connection.send(b"3;x=y\r\ndef\r\n0\r\n\r\n")
    assert connection.reply("POST").status == 200
    assert taker.taken == b"abcdef"


def test_upload_without_a_body_is_answered() -> None:
    taker = Taker()
    assert begin(site(taker)).reply("POST").status == 200
    assert begin(site(taker), Content_Length="0").reply("POST").status == 200
    assert taker.taken == b""


def test_no_more_is_read_from_the_client_than_a_piece_while_the_disk_is_busy() -> None:
    taker = Taker(holds=True)
    wire = site(taker)
    connection = begin(wire, Content_Length=str(4 * PIECE_BYTES))
    connection.send(b"a" * PIECE_BYTES)
    assert taker.taken == b"a" * PIECE_BYTES
    assert not is_paused(connection)
    connection.send(b"b" * (PIECE_BYTES - 1))
    assert not is_paused(connection)
    connection.send(b"b")
    assert is_paused(connection)
    wire.clock.advance(3600)  # a slow disk is no fault of the client's
    assert connection.is_open
    taker.go_on()
    assert not is_paused(connection)
    assert len(taker.taken) == 2 * PIECE_BYTES
    connection.send(b"c" * 2 * PIECE_BYTES)
    while taker.busy is not None:
        taker.go_on()
    assert connection.reply("POST").status == 200
    assert len(taker.taken) == 4 * PIECE_BYTES


# -- bodies that are not wanted -----------------------------------------------------------------------------------


def test_100_continue_is_said_when_the_body_is_wanted_and_once() -> None:
    connection = begin(site(Taker()), Content_Length="3", Expect="100-continue")
    assert connection.received == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.transport.clear()
    connection.send(b"abc")
    assert connection.reply("POST").status == 200


def test_refusal_takes_the_place_of_100_continue() -> None:
    connection = begin(site(Taker(refuses=True)), Content_Length="3", Expect="100-Continue")
    reply = connection.reply("POST")
    assert (reply.status, reply.headers["connection"]) == (REFUSED, "close")


@pytest.mark.parametrize("fields", [{"Content_Length": "600000"}, {"Transfer_Encoding": "chunked"}])
def test_client_that_sends_a_refused_body_can_read_the_answer(fields: dict[str, str]) -> None:
    connection = begin(site(Taker(refuses=True)), **fields)
    assert connection.reply("POST").status == REFUSED
    assert connection.is_open
    assert connection.transport.is_half_closed
    for _ in range(5):
        connection.send(b"\r\n" * 50_000)  # dropped
    assert connection.is_open
    assert not is_paused(connection)
    assert connection.received == b"", "one answer only"


def test_connection_is_closed_behind_the_last_byte_of_a_refused_body() -> None:
    connection = begin(site(Taker(refuses=True)), Content_Length="1000")
    connection.send(b"a" * 999)
    assert connection.is_open
    connection.send(b"a")
    assert not connection.is_open


def test_connection_is_closed_behind_a_refused_body_that_came_with_its_head() -> None:
    connection = site(Taker(refuses=True)).connect()
    connection.ask("POST", "/legacy/", body=b"abc")
    assert connection.reply("POST").status == REFUSED
    assert not connection.is_open


def test_refused_body_that_does_not_end_is_cut_at_its_deadline() -> None:
    wire = site(Taker(refuses=True), drop_timeout_s=30.0)
    connection = begin(wire, Transfer_Encoding="chunked")
    for _ in range(29):
        wire.clock.advance(1)
        connection.send(b"1\r\na\r\n")
    wire.clock.advance(0.9)
    assert connection.is_open
    wire.clock.advance(0.2)
    assert connection.transport.is_aborted
    assert wire.clock.getDelayedCalls() == []


def test_nothing_behind_a_refused_body_is_taken_for_a_request() -> None:
    taker = Taker(refuses=True)
    connection = begin(site(taker), Content_Length="3")
    connection.send(b"abc" + f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert taker.routed == 1


# -- limits -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size_bytes", "status"), [(1000, 200), (1001, 413)])
def test_upload_is_bounded_by_its_stated_length_before_it_is_read(size_bytes: int, status: int) -> None:
    connection = begin(site(Taker(), upload_bytes=1000), Content_Length=str(size_bytes), Expect="100-continue")
    if status == 200:
        assert connection.received.startswith(b"HTTP/1.1 100 ")
        connection.transport.clear()
        connection.send(b"a" * size_bytes)
    assert connection.reply("POST").status == status


@pytest.mark.parametrize(("size_bytes", "status"), [(1000, 200), (1001, 413)])
def test_upload_in_chunks_is_bounded_as_it_comes(size_bytes: int, status: int) -> None:
    connection = begin(site(Taker(), upload_bytes=1000), Transfer_Encoding="chunked")
    for _ in range(size_bytes):
        connection.send(b"1\r\na\r\n")
    connection.send(b"0\r\n\r\n")
    assert connection.reply("POST").status == status
    assert connection.received == b"", "one answer only"


def test_upload_may_be_larger_than_any_other_body() -> None:
    connection = begin(site(Taker(), body_bytes=10, upload_bytes=1000), Content_Length="1000")
    connection.send(b"a" * 1000)
    assert connection.reply("POST").status == 200


# -- deadlines ----------------------------------------------------------------------------------------------------


def test_upload_that_stops_half_way_is_ended() -> None:
    wire = site(Taker(), body_timeout_s=60.0, idle_timeout_s=10.0)
    connection = begin(wire, Content_Length="100000")
    connection.send(b"a" * 50000)
    wire.clock.advance(59.9)
    assert connection.received == b""
    wire.clock.advance(0.2)
    assert connection.reply("POST").status == 408


def test_upload_that_drips_is_ended_and_one_that_is_slow_is_not() -> None:
    for rate, status in ((LEAST_BYTES_PER_S - 1, 408), (LEAST_BYTES_PER_S, 200)):
        wire = site(Taker(), body_timeout_s=60.0)
        size_bytes = 200 * rate
        connection = begin(wire, Content_Length=str(size_bytes))
        for _ in range(200):
            wire.clock.advance(0.999)
            connection.send(b"a" * rate)
        assert connection.reply("POST").status == status


def test_upload_that_states_more_than_it_sends_is_ended_when_nothing_comes() -> None:
    wire = site(Taker(), body_timeout_s=60.0)
    connection = begin(wire, Content_Length="4")
    connection.send(b"abc")
    wire.clock.advance(60.1)
    assert connection.reply("POST").status == 408
    assert wire.site.connections == 1  # until the client has read that
    connection.leave()
    assert wire.clock.getDelayedCalls() == []


def test_client_that_waits_for_100_continue_is_not_taken_for_slow_before_it_is_said() -> None:
    taker = Taker(holds=True)
    wire = site(taker, body_timeout_s=60.0, idle_timeout_s=60.0)
    connection = begin(wire, Content_Length="3", Expect="100-continue")
    wire.clock.advance(59)
    connection.send(b"abc")
    taker.go_on()
    assert b"HTTP/1.1 200 " in connection.received


# -- clients that lie, and clients that leave ---------------------------------------------------------------------


def test_what_is_sent_beyond_the_stated_length_is_no_part_of_the_upload() -> None:
    taker = Taker()
    connection = begin(site(taker), Content_Length="3")
    connection.send(b"abcdef\r\n\r\n")
    assert taker.taken == b"abc"
    assert connection.received.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 400 " in connection.received
    assert not connection.is_open


@pytest.mark.parametrize("chunk", [b"x\r\nabc\r\n", b"-3\r\nabc\r\n", b"3\r\nabcd\r\n", b"3" * 2000])
def test_malformed_chunks_end_the_upload(chunk: bytes) -> None:
    taker = Taker()
    wire = site(taker)
    connection = begin(wire, Transfer_Encoding="chunked")
    connection.send(b"3\r\nabc\r\n")
    connection.send(chunk)
    assert connection.received.startswith(b"HTTP/1.1 400 ")
    assert not connection.is_open
    assert taker.left == ["left"]
    assert wire.clock.getDelayedCalls() == []


@pytest.mark.parametrize(
    "fields",
    [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: -3\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 3, 3\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length : 3\r\n",
    ],
)
def test_upload_with_two_lengths_or_none_that_is_one_is_refused_unread(fields: str) -> None:
    taker = Taker()
    connection = site(taker).connect()
    connection.send(f"POST /legacy/ HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\nabc".encode())
    assert connection.received.startswith(b"HTTP/1.1 400 ")
    assert not connection.is_open
    assert taker.routed == 0


def test_upload_with_oversized_fields_is_refused_unread() -> None:
    taker = Taker()
    for field_bytes, status in ((20_000, (400, 431)), (10_000, (200,))):
        connection = site(taker).connect()
        connection.ask("POST", "/legacy/", {"Content-Length": "3", "X": "a" * field_bytes})
        connection.send(b"abc")
        assert int(connection.received.split()[1]) in status
    assert taker.routed == 1


@pytest.mark.parametrize("holds", [False, True])
def test_client_that_leaves_ends_the_taking_in(holds: bool) -> None:
    taker = Taker(holds=holds)
    wire = site(taker)
    connection = begin(wire, Content_Length=str(2 * PIECE_BYTES))
    connection.send(b"a" * PIECE_BYTES)
    connection.leave()
    assert taker.left == ["left"]
    assert wire.clock.getDelayedCalls() == []


def test_upload_that_is_under_way_when_the_node_stops_may_end() -> None:
    taker = Taker()
    wire = site(taker)
    connection = begin(wire, Content_Length="6")
    connection.send(b"abc")
    ended: list[int] = []
    begun(wire.site.drain(30.0)).addCallback(ended.append)
    connection.send(b"def")
    assert connection.reply("POST").status == 200
    assert not connection.is_open
    assert ended == [0]
