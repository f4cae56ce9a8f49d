"""The listening side: deadlines, limits, refusals, draining; in memory, with bytes where bytes matter."""

from __future__ import annotations

import pytest

from tests.doubles.now import begun
from tests.doubles.shelves import MemoryBody
from tests.doubles.wire import HOST
from tests.web.node import TOKEN, WebNode
from tiercache.web.limits import Limits, connections_for

AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
HEAD = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\n".encode()


# -- deadlines ----------------------------------------------------------------------------------------------------


def test_head_that_drips_in_is_ended_at_its_deadline() -> None:
    node = WebNode(limits=Limits(head_timeout_s=20.0, idle_timeout_s=60.0))
    connection = node.wire.connect()
    for byte in HEAD[:19]:
        connection.send(bytes([byte]))
        node.clock.advance(1)
    assert connection.received == b""
    node.clock.advance(1.1)
    assert connection.reply().status == 408
    assert not connection.is_open
    assert node.clock.getDelayedCalls() == []


def test_head_that_ends_before_its_deadline_is_answered() -> None:
    node = WebNode(limits=Limits(head_timeout_s=20.0))
    connection = node.wire.connect()
    connection.send(HEAD)
    node.clock.advance(19.9)
    connection.send(b"\r\n")
    assert connection.reply().status == 200
    node.clock.advance(19.9)
    assert connection.is_open, "the deadline was that head's alone"


def test_each_head_on_a_connection_has_its_own_deadline() -> None:
    node = WebNode(limits=Limits(head_timeout_s=20.0, idle_timeout_s=60.0))
    connection = node.wire.connect()
    connection.ask("GET", "/healthz")
    connection.reply()
    node.clock.advance(50)
    connection.send(HEAD)
    node.clock.advance(19.9)
    assert connection.is_open
    node.clock.advance(0.2)
    assert not connection.is_open


@pytest.mark.parametrize("begun_head", [HEAD, HEAD[:2], HEAD + b"Acc"])
def test_second_head_that_came_with_the_first_has_a_deadline_too(begun_head: bytes) -> None:
    node = WebNode(limits=Limits(head_timeout_s=20.0, idle_timeout_s=60.0))
    connection = node.wire.connect()
    connection.send(HEAD + b"\r\n" + begun_head)
    assert connection.reply().status == 200
    node.clock.advance(19.9)
    assert connection.is_open
    node.clock.advance(0.2)
    assert not connection.is_open


def test_idle_connection_is_closed_at_its_timeout_and_not_before() -> None:
    node = WebNode(limits=Limits(idle_timeout_s=60.0))
    silent, served = node.wire.connect(), node.wire.connect()
    served.ask("GET", "/healthz")
    node.clock.advance(59.9)
    assert silent.is_open
    assert served.is_open
    node.clock.advance(0.2)
    assert not silent.is_open
    assert not served.is_open


def test_answered_body_begins_no_new_head() -> None:
    node = WebNode(limits=Limits(head_timeout_s=20.0, idle_timeout_s=60.0))
    connection = node.wire.connect()
    connection.ask("PUT", "/api/v1/offline", AUTHORISED, b'{"offline": true}')
    assert connection.reply().status == 200
    node.clock.advance(59.9)
    assert connection.is_open
    node.clock.advance(0.2)
    assert connection.received == b""
    assert not connection.is_open


def test_head_behind_a_body_has_its_deadline() -> None:
    node = WebNode(limits=Limits(head_timeout_s=20.0, idle_timeout_s=60.0))
    connection = node.wire.connect()
    connection.ask("PUT", "/api/v1/offline", {**AUTHORISED, "Content-Length": "17"}, b'{"offline": true}' + HEAD[:2])
    assert connection.reply().status == 200
    node.clock.advance(20.1)
    assert connection.reply().status == 408


def test_body_that_drips_in_is_ended_at_its_deadline() -> None:
    node = WebNode(limits=Limits(body_timeout_s=60.0, idle_timeout_s=30.0))
    connection = node.wire.connect()
    connection.ask("PUT", "/api/v1/offline", {"Content-Length": "17"})
    for _ in range(6):
        node.clock.advance(9.9)
        connection.send(b" ")
    assert connection.is_open
    node.clock.advance(1)
    assert connection.reply().status == 408
    assert not connection.is_open


# -- sizes --------------------------------------------------------------------------------------------------------


def test_head_is_bounded_in_bytes() -> None:
    limits = Limits(head_bytes=2000)
    for size_bytes, is_taken in ((1800, True), (2100, False)):
        node = WebNode(limits=limits)
        connection = node.wire.connect()
        connection.send(HEAD + b"X: " + b"a" * (size_bytes - len(HEAD) - 7) + b"\r\n\r\n")
        assert (connection.reply().status == 200) is is_taken
        assert connection.is_open is is_taken


def test_head_of_many_lines_is_bounded_as_a_whole() -> None:
    node = WebNode(limits=Limits(head_bytes=2000))
    connection = node.wire.connect()
    connection.send(HEAD)
    for number in range(50):
        connection.send(f"X-{number}: {'a' * 50}\r\n".encode())
    assert connection.received.startswith(b"HTTP/1.1 400 ")
    assert not connection.is_open


def test_line_without_an_end_is_refused_as_soon_as_it_is_too_long() -> None:
    node = WebNode(limits=Limits(head_bytes=2000))
    connection = node.wire.connect()
    connection.send(b"GET /" + b"a" * 2100)
    assert connection.reply().status == 431
    assert not connection.is_open


def test_head_is_bounded_in_fields() -> None:
    for fields, status in ((99, 200), (100, 400)):
        connection = WebNode(limits=Limits(head_fields=100)).wire.connect()
        connection.send(HEAD + b"".join(b"X: 1\r\n" for _ in range(fields)) + b"\r\n")
        assert int(connection.received.split()[1]) == status


def test_body_is_bounded_by_its_stated_length_before_it_is_read() -> None:
    node = WebNode(limits=Limits(body_bytes=100))
    for length, status in ((100, 400), (101, 413)):
        connection = node.wire.connect()
        connection.ask("PUT", "/api/v1/offline", {**AUTHORISED, "Content-Length": str(length)})
        connection.send(b" " * 100)
        assert connection.reply().status == status
        assert connection.is_open is (status != 413)
    connection = node.wire.connect()
    connection.ask("POST", "/api/v1/pages", {"Content-Length": str(1 << 40), "Expect": "100-continue"})
    assert connection.reply().status == 413, "and nobody is told to go on"


def test_body_in_chunks_is_bounded_as_it_arrives() -> None:
    node = WebNode(limits=Limits(body_bytes=100))
    for size_bytes, status in ((100, 400), (101, 413)):
        connection = node.wire.connect()
        connection.ask("PUT", "/api/v1/offline", {**AUTHORISED, "Transfer-Encoding": "chunked"})
        for _ in range(size_bytes):
            connection.send(b"1\r\n \r\n")
        connection.send(b"0\r\n\r\n")
        assert connection.reply("PUT").status == status
        assert connection.received == b"", "one answer only"
        assert connection.is_open is (status != 413)


def test_refused_body_that_goes_on_is_not_read() -> None:
    node = WebNode(limits=Limits(body_bytes=100))
    connection = node.wire.connect()
    connection.stall()  # so that what is written is not yet sent, and the connection not yet closed
    connection.ask("PUT", "/api/v1/offline", {**AUTHORISED, "Content-Length": "1000"})
    connection.send(b" " * 1000 + HEAD + b"\r\n")
    connection.take()
    assert connection.reply().status == 413
    assert connection.received == b""


# -- how many -----------------------------------------------------------------------------------------------------


def test_150_idle_connections_do_not_keep_the_next_from_being_served() -> None:
    node = WebNode()
    idle = [node.wire.connect() for _ in range(150)]
    assert node.get("/healthz").status == 200
    assert all(connection.is_open for connection in idle)
    node.clock.advance(61)
    assert not any(connection.is_open for connection in idle)
    assert node.wire.site.connections == 0
    assert node.clock.getDelayedCalls() == []


def test_newest_connection_above_the_limit_is_refused_politely() -> None:
    node = WebNode(limits=Limits(connections=3))
    served = [node.wire.connect() for _ in range(3)]
    refused = node.wire.connect()
    reply = refused.reply()
    assert (reply.status, reply.is_complete) == (503, True)
    assert "retry-after" in reply.headers
    assert refused.transport.is_half_closed
    refused.send(HEAD)  # read and dropped, so that the answer is not lost to a reset
    assert refused.received == b""
    for connection in served:
        connection.ask("GET", "/healthz")
        assert connection.reply().status == 200
    served[0].leave()
    assert node.get("/healthz").status == 200


def test_refused_client_that_stays_is_cut() -> None:
    node = WebNode(limits=Limits(connections=0))
    refused = node.wire.connect()
    node.clock.advance(1.9)
    assert refused.is_open
    node.clock.advance(0.2)
    assert not refused.is_open


def test_refusals_are_bounded_too_and_end() -> None:
    node = WebNode(limits=Limits(connections=0, refusals=2))
    refused = [node.wire.connect(), node.wire.connect()]
    assert node.wire.connect() is None
    refused[0].leave()
    assert node.wire.connect() is not None
    node.clock.advance(3)
    assert node.wire.site.refused == 0


@pytest.mark.parametrize(("descriptors", "connections"), [(1024, 480), (256, 96), (64, 8), (0, 8)])
def test_connections_leave_descriptors_for_files_and_tiers(descriptors: int, connections: int) -> None:
    assert connections_for(descriptors) == connections


# -- stopping -----------------------------------------------------------------------------------------------------


def downloading(node: WebNode) -> tuple[object, MemoryBody]:
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold('a-1.tar.gz', body, 2)}/a-1.tar.gz")
    body.feed(b"a")
    return connection, body


def test_draining_closes_idle_connections_and_lets_downloads_end() -> None:
    node = WebNode()
    idle, (connection, body) = node.wire.connect(), downloading(node)
    ended: list[int] = []
    begun(node.wire.site.drain(30.0)).addCallback(ended.append)
    assert not idle.is_open
    assert connection.is_open
    assert ended == []
    node.clock.advance(29)
    body.feed(b"b")
    body.end()
    assert connection.reply().is_complete
    assert not connection.is_open
    assert ended == [0]
    assert node.clock.getDelayedCalls() == []


def test_draining_cuts_what_is_left_at_its_deadline() -> None:
    node = WebNode()
    connection, body = downloading(node)
    ended: list[int] = []
    begun(node.wire.site.drain(30.0)).addCallback(ended.append)
    node.clock.advance(29.9)
    assert connection.is_open
    node.clock.advance(0.2)
    assert ended == [1]
    assert not connection.reply().is_complete
    assert body.closed == 1


def test_draining_a_site_without_clients_ends_at_once() -> None:
    ended: list[int] = []
    begun(WebNode().wire.site.drain(30.0)).addCallback(ended.append)
    assert ended == [0]


# -- the protocol -------------------------------------------------------------------------------------------------


def test_http_2_is_not_offered_since_its_channel_keeps_none_of_the_limits() -> None:
    assert WebNode().wire.site.acceptableProtocols() == [b"http/1.1"]


def test_pipelined_requests_are_answered_in_order() -> None:
    connection = WebNode().wire.connect()
    connection.send(HEAD + b"\r\n" + HEAD.replace(b"/healthz", b"/nowhere") + b"\r\n" + HEAD + b"\r\n")
    assert [connection.reply().status for _ in range(3)] == [200, 404, 200]


def test_http_1_0_is_answered_and_closed() -> None:
    connection = WebNode().wire.connect()
    connection.send(b"GET /healthz HTTP/1.0\r\n\r\n")
    assert connection.reply().status == 200
    assert not connection.is_open


def test_head_of_an_answer_has_each_field_once_in_a_line_of_its_own() -> None:
    node = WebNode()
    connection = node.wire.connect()
    connection.ask("GET", "/healthz")
    head = connection.transport.value().partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"HTTP/1.1 200 OK"
    names = [line.partition(b": ")[0] for line in head[1:]]
    assert len(names) == len(set(names))
    assert {b"Content-Length", b"Date", b"X-Content-Type-Options"} <= {*names}
