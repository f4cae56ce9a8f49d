"""Files: ranges, validators, types, sidecars, cold files, and what must never happen to a body."""

from __future__ import annotations

import hashlib

import pytest
from twisted.internet.defer import Deferred

from tests.doubles.shelves import MemoryBody, file_of, page_of
from tests.doubles.wire import Connection
from tests.web.node import WebNode
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    LengthMismatch,
    NoTierAnswered,
    ProjectAbsent,
    StoreFull,
    TierUnreachable,
)
from tiercache.web.limits import Limits

NAME = "numpy-2.0-py3-none-any.whl"
DATA = bytes(range(256)) * 40


def stored(data: bytes = DATA, name: str = NAME) -> tuple[WebNode, str]:
    node = WebNode()
    return node, f"/files/{node.files.put(name, data)}/{name}"


# -- whole files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [NAME, "mypackage-1.0.tar.gz", "old-0.1.zip", "older-0.1-py2.6.egg", "a-1.tar.bz2"])
def test_file_is_sent_as_it_is_whatever_its_name(name: str) -> None:
    """Mistake 10 of protocol.md: `Content-Encoding: gzip` on a `.tar.gz`."""
    node, path = stored(name=name)
    reply = node.get(path, {"Accept-Encoding": "gzip, deflate"})
    assert (reply.status, reply.body) == (200, DATA)
    assert "content-encoding" not in reply.headers
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-length"] == str(len(DATA))
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["etag"] == f'"{hashlib.sha256(DATA).hexdigest()}"'
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert reply.headers["cache-status"] == "laptop; hit"
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_file_of_many_chunks_arrives_whole_and_its_body_is_closed() -> None:
    data = DATA * 200
    node, path = stored(data)
    assert node.get(path).body == data
    assert [body.closed for body in node.files.bodies] == [1]


def test_empty_file_is_sent_as_an_empty_file() -> None:
    node, path = stored(b"")
    reply = node.get(path)
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"", "0")


def test_head_tells_what_get_would_and_begins_nothing() -> None:
    """Mistake 9 of protocol.md: HEAD without Content-Length."""
    node, path = stored()
    got, head = node.get(path), node.head(path)
    assert head.headers == got.headers | {"date": head.headers["date"]}
    assert head.body == b""
    assert [how for how, _, _ in node.files.asked] == ["open", "head"]


def test_head_of_a_file_of_unknown_length_states_none_rather_than_nought() -> None:
    node = WebNode()
    segment = node.files.put_cold(NAME, MemoryBody(b""), None)
    head = node.head(f"/files/{segment}/{NAME}")
    assert head.status == 200
    assert "content-length" not in head.headers


def test_not_modified_needs_no_body_and_repeats_the_tag() -> None:
    node, path = stored()
    etag = node.get(path).headers["etag"]
    for tag in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        reply = node.get(path, {"If-None-Match": tag})
        assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", etag)
        assert reply.headers["cache-control"].endswith("immutable")
    assert [how for how, _, _ in node.files.asked].count("open") == 1
    assert node.get(path, {"If-None-Match": '"other"'}).status == 200


# -- ranges -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        (f"bytes=-{len(DATA) + 1}", 0, len(DATA)),
        (f"bytes=5-{len(DATA) * 2}", 5, len(DATA)),
        (f"bytes={len(DATA) - 1}-", len(DATA) - 1, len(DATA)),
        ("BYTES = 1 - 2", 1, 3),
    ],
)
def test_one_range_is_sent_as_a_part(asked: str, start: int, stop: int) -> None:
    node, path = stored()
    reply = node.get(path, {"Range": asked})
    assert (reply.status, reply.body) == (206, DATA[start:stop])
    assert reply.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
    assert reply.headers["content-length"] == str(stop - start)
    assert reply.headers["etag"]


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", f"bytes={len(DATA)}-{len(DATA)}", "bytes=-0"])
def test_range_beyond_the_end_is_416_with_the_length(asked: str) -> None:
    node, path = stored()
    reply = node.get(path, {"Range": asked})
    assert (reply.status, reply.headers["content-range"]) == (416, f"bytes */{len(DATA)}")
    assert node.files.closed == 1


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-9", "bytes=5-2", "items=0-5", "bytes=", "bytes=-", "bytes=a-b", "0-5", "bytes=1" * 400]
)
def test_several_ranges_and_invalid_ones_give_the_whole_file(asked: str) -> None:
    node, path = stored()
    reply = node.get(path, {"Range": asked})
    assert (reply.status, reply.body) == (200, DATA)


def test_interrupted_download_resumes_only_with_the_same_tag() -> None:
    node, path = stored()
    etag = node.get(path).headers["etag"]
    for if_range, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200), ("Sat, 21 Nov 2026 00:00:00 GMT", 200)):
        assert node.get(path, {"Range": "bytes=100-", "If-Range": if_range}).status == status


def test_range_of_a_cold_file_is_a_part_and_not_the_whole() -> None:
    """Mistake 9 of protocol.md: Range ignored while the file is cold."""
    node = WebNode()
    segment = node.files.put_cold(NAME, MemoryBody(DATA), len(DATA))
    reply = node.get(f"/files/{segment}/{NAME}", {"Range": "bytes=10-19"})
    assert (reply.status, reply.body) == (206, DATA[10:20])
    assert reply.headers["content-range"] == f"bytes 10-19/{len(DATA)}"
    assert reply.headers["cache-status"] == "laptop; fwd=miss; stored"


# -- cold files ---------------------------------------------------------------------------------------------------


def test_first_bytes_of_a_cold_file_leave_when_they_arrive() -> None:
    """Mistake 20 of protocol.md: the whole wheel buffered before the first byte."""
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, 8)}/{NAME}")
    assert connection.received == b""
    body.feed(b"first")
    head, _, sent = connection.received.partition(b"\r\n\r\n")
    assert sent == b"first"
    assert b"Content-Length: 8" in head
    body.feed(b"end")
    body.end()
    reply = connection.reply()
    assert (reply.body, reply.is_complete) == (b"firstend", True)
    assert connection.is_open, "the connection can be used again"


def test_cold_file_of_unknown_length_is_sent_in_chunks() -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, None)}/{NAME}", {"Range": "bytes=2-"})
    body.feed(b"abc")
    assert b"Transfer-Encoding: chunked" in connection.received
    assert not connection.received.endswith(b"0\r\n\r\n")
    body.end()
    reply = connection.reply()
    assert (reply.status, reply.body, reply.is_complete) == (200, b"abc", True)


ERRORS = [
    DigestMismatch(filename=NAME, algorithm="sha256", expected="aa", actual="bb"),
    LengthMismatch(filename=NAME, expected=9, actual=8),
    TierUnreachable(tier="public", reason="fell silent"),
    RuntimeError("a bug"),
]


@pytest.mark.parametrize("size_bytes", [8, None], ids=["length stated", "in chunks"])
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_body_that_breaks_off_never_looks_complete(error: Exception, size_bytes: int | None) -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, size_bytes)}/{NAME}")
    body.feed(b"abc")
    body.fail(error)
    assert not connection.is_open
    assert connection.transport.is_aborted
    assert not connection.received.endswith(b"0\r\n\r\n"), "no last chunk"
    assert not connection.reply().is_complete
    assert body.closed == 1


@pytest.mark.parametrize(
    ("error", "status"), list(zip(ERRORS, [502, 502, 503, 500], strict=True)), ids=lambda value: type(value).__name__
)
def test_body_that_cannot_begin_is_answered_by_an_error(error: Exception, status: int) -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False, error=error)
    reply = node.get(f"/files/{node.files.put_cold(NAME, body, 8)}/{NAME}")
    assert reply.status == status
    assert reply.headers["content-length"] == str(len(reply.body))
    for name in ("etag", "accept-ranges", "content-range"):
        assert name not in reply.headers, "nothing of the file that was not sent"
    assert "immutable" not in reply.headers["cache-control"]
    assert b"a bug" not in reply.body
    assert body.closed >= 1


# -- slow clients, and clients that leave -------------------------------------------------------------------------


def stalled(node: WebNode, data: bytes) -> tuple[Connection, MemoryBody]:
    """A connection whose client asked for a file and takes nothing of it."""
    body = MemoryBody(data)
    connection = node.wire.connect()
    connection.stall()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, len(data))}/{NAME}")
    return connection, body


def test_stalled_client_holds_little_and_goes_on_where_it_stopped() -> None:
    node = WebNode()
    data = DATA * 400
    connection, body = stalled(node, data)
    chunk_bytes = 256 * 1024
    assert connection.held_bytes + chunk_bytes <= 512 * 1024
    assert len(body.data) >= len(data) - chunk_bytes
    node.clock.advance(50)
    connection.take()
    reply = connection.reply()
    assert (reply.body, reply.is_complete) == (data, True)


def test_client_that_takes_nothing_is_dropped_at_the_deadline_and_not_before() -> None:
    node = WebNode(limits=Limits(write_timeout_s=60.0))
    connection, body = stalled(node, DATA * 400)
    node.clock.advance(59.9)
    assert connection.is_open
    node.clock.advance(0.2)
    assert not connection.is_open
    assert connection.transport.is_aborted
    assert body.closed == 1
    assert node.clock.getDelayedCalls() == []


def test_client_that_takes_a_little_now_and_then_is_not_dropped() -> None:
    node = WebNode(limits=Limits(write_timeout_s=60.0, idle_timeout_s=30.0))
    connection, _ = stalled(node, DATA * 400)
    for _ in range(10):
        node.clock.advance(59)
        connection.sip()
    assert connection.is_open
    node.clock.advance(61)
    assert not connection.is_open


def test_large_page_for_a_stalled_client_is_not_copied_for_it() -> None:
    node = WebNode(limits=Limits(write_timeout_s=60.0))
    node.pages.put(page_of("big", *(file_of(f"big-{n}.tar.gz") for n in range(5000))))
    size_bytes = len(node.get("/simple/big/").body)
    connection = node.wire.connect()
    connection.stall()
    connection.ask("GET", "/simple/big/")
    assert connection.held_bytes < 256 * 1024 < size_bytes
    node.clock.advance(61)
    assert not connection.is_open


def test_last_bytes_of_a_response_do_not_hold_a_stalled_client_for_ever() -> None:
    """Less than a transport's buffer pauses nobody: the connection's own deadlines end it."""
    for headers in ({}, {"Connection": "close"}):
        node, path = stored()
        connection = node.wire.connect()
        connection.stall()
        connection.ask("GET", path, headers)
        assert connection.held_bytes > len(DATA)
        node.clock.advance(59)
        assert connection.is_open
        node.clock.advance(2)
        node.clock.advance(16)
        assert not connection.is_open
        assert node.clock.getDelayedCalls() == []


def test_slow_tier_does_not_count_against_the_client() -> None:
    node = WebNode(limits=Limits(write_timeout_s=5.0, idle_timeout_s=5.0))
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, 2)}/{NAME}")
    node.clock.advance(60)
    body.feed(b"a")
    node.clock.advance(60)
    body.feed(b"b")
    body.end()
    assert connection.reply().body == b"ab"


def test_client_that_leaves_closes_its_body() -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, 8)}/{NAME}")
    body.feed(b"abc")
    connection.leave()
    assert body.closed == 1
    assert node.clock.getDelayedCalls() == []


def test_stalled_client_that_leaves_closes_its_body() -> None:
    node = WebNode()
    connection, body = stalled(node, DATA * 400)
    connection.leave()
    assert body.closed == 1
    assert node.clock.getDelayedCalls() == []


def test_client_that_leaves_before_the_first_byte_closes_its_body() -> None:
    node = WebNode()
    body = MemoryBody(b"", is_whole=False)
    connection = node.wire.connect()
    connection.ask("GET", f"/files/{node.files.put_cold(NAME, body, 8)}/{NAME}")
    connection.leave()
    assert body.closed == 1


# -- other paths to a file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "directories", ["source/m/mypackage", "2.7/m/mypackage", "ab/cd/" + "0" * 60, "py3/n/numpy", "x"]
)
def test_older_paths_lead_to_the_file_of_that_name(directories: str) -> None:
    node = WebNode()
    node.files.put("mypackage-1.0.tar.gz", DATA)
    reply = node.get(f"/packages/{directories}/mypackage-1.0.tar.gz")
    assert (reply.status, reply.body) == (200, DATA)


def test_older_paths_have_sidecars_too() -> None:
    node = WebNode()
    segment = node.files.put(NAME, DATA)
    node.sidecars.sidecars[NAME] = b"Name: numpy\n"
    assert node.get(f"/packages/py3/n/numpy/{NAME}.metadata").body == b"Name: numpy\n"
    assert node.sidecars.asked[0][2].segment == segment


@pytest.mark.parametrize("path", ["/packages/", "/packages/a.whl", "/packages//a.whl", "/packages/x/../a.whl"])
def test_older_paths_that_are_none_are_404(path: str) -> None:
    assert WebNode().get(path).status == 404


def test_nothing_below_local_lets_a_tier_be_asked() -> None:
    """Mistake 25 of protocol.md: `/local` that goes upstream after all."""
    node = WebNode()
    stored_path = f"{node.files.put('a-1.tar.gz', DATA)}/a-1.tar.gz"
    cold_path = f"{node.files.put_cold(NAME, MemoryBody(DATA), len(DATA))}/{NAME}"
    node.sidecars.sidecars[NAME] = b"Name: numpy\n"
    assert node.get(f"/local/files/{stored_path}").body == DATA
    assert node.get(f"/local/files/{cold_path}").status == 404
    assert node.head(f"/local/files/{cold_path}").status == 404
    node.get(f"/local/files/{cold_path}.metadata")
    assert all(ask.local for _, _, ask in node.files.asked)
    assert all(ask.local for _, _, _, ask in node.sidecars.asked)
    assert node.get(f"/files/{cold_path}").status == 200


# -- sidecars and provenance --------------------------------------------------------------------------------------


def test_sidecar_is_sent_with_its_own_hash_as_tag() -> None:
    """Mistake 6 of protocol.md: the wheel's hash given as the sidecar's."""
    node, path = stored()
    node.sidecars.sidecars[NAME] = data = "Metadata-Version: 2.1\nName: numpy\nAuthor: Łukasz\n".encode()
    reply = node.get(f"{path}.metadata")
    assert (reply.status, reply.body) == (200, data)
    assert reply.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"
    assert reply.headers["content-length"] == str(len(data))
    assert "immutable" in reply.headers["cache-control"]
    assert node.get(f"{path}.metadata", {"If-None-Match": reply.headers["etag"]}).status == 304
    head = node.head(f"{path}.metadata")
    assert (head.body, head.headers["content-length"]) == (b"", str(len(data)))


def test_missing_sidecar_is_404() -> None:
    node, path = stored()
    assert node.get(f"{path}.metadata").status == 404


def test_provenance_is_sent_as_its_own_type_and_revalidated() -> None:
    node, path = stored()
    node.sidecars.provenances[NAME] = b"{}"
    reply = node.get(f"{path}.provenance")
    assert (reply.status, reply.body) == (200, b"{}")
    assert reply.headers["content-type"] == "application/vnd.pypi.integrity.v1+json"
    assert reply.headers["cache-control"] == "max-age=0, must-revalidate"


# -- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FileAbsent(filename=NAME), 404),
        (ProjectAbsent(project="numpy"), 404),
        (NoTierAnswered(subject=NAME, reason="down"), 503),
        (DigestMismatch(filename=NAME, algorithm="sha256", expected="a", actual="b"), 502),
        (StoreFull(reason="no space left"), 507),
        (RuntimeError("secret"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_the_cache_have_their_status(error: Exception, status: int) -> None:
    node, path = stored()
    node.files.raising = error
    for reply in (node.get(path), node.head(path)):
        assert reply.status == status
        assert b"secret" not in reply.body


def test_hidden_file_is_not_had_by_its_url() -> None:
    """Mistake 18 of protocol.md, as far as the web side goes: each request for a file asks the cache, 304 included."""
    node, path = stored()
    etag = node.get(path).headers["etag"]
    node.files.raising = FileAbsent(filename=NAME)
    assert node.get(path, {"If-None-Match": etag}).status == 404
    assert node.get(path, {"Range": "bytes=0-1"}).status == 404


@pytest.mark.parametrize("segment", ["..", "0" * 63, "nothex", "sha256-zz", "%2e%2e", "A" * 64, "md5-"])
def test_segment_that_names_no_bytes_is_404(segment: str) -> None:
    node = WebNode()
    node.files.put(NAME, DATA)
    assert node.get(f"/files/{segment}/{NAME}").status == 404


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "a%00.whl", "%2e%2e", "a%5c..%5cb"])
def test_filename_that_climbs_is_404_and_reaches_nothing(name: str) -> None:
    node, path = stored()
    for reply in (node.get(path.replace(NAME, name)), node.get(f"/packages/x/{name}")):
        assert reply.status == 404
    assert node.files.asked == []


def test_first_of_two_clients_leaving_does_not_cut_the_other() -> None:
    """Mistake 12 of protocol.md, as far as the web side goes."""
    node = WebNode()
    bodies = [MemoryBody(b"", is_whole=False), MemoryBody(b"", is_whole=False)]
    connections = []
    for body in bodies:
        segment = node.files.put_cold(NAME, body, 3)
        connection = node.wire.connect()
        connection.ask("GET", f"/files/{segment}/{NAME}")
        body.feed(b"a")
        connections.append(connection)
    connections[0].leave()
    bodies[1].feed(b"bc")
    bodies[1].end()
    assert bodies[0].closed == 1
    assert connections[1].reply().body == b"abc"


def test_waiting_for_a_file_is_cancelled_with_the_client() -> None:
    node, path = stored()
    left: list[str] = []
    node.files.waiting = Deferred(lambda _: left.append("cancelled"))
    connection = node.wire.connect()
    connection.ask("GET", path)
    connection.leave()
    assert left == ["cancelled"]
