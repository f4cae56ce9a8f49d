"""Stored files that leave by the kernel's own hand: the same bytes as by the application, and no descriptor left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.doubles.now import begun, result_of
from tests.doubles.small_node import NO_CACHE, listed, sha256
from tests.web.hot.twins import FILE, NUMPY, Twins, head
from tiercache.simple.names import normalise
from tiercache.web.body import TURN_BYTES
from tiercache.web.hot.channel import AHEAD_BYTES
from tiercache.web.hot.descriptors import KEPT_S, LOOKED_AT_S
from tiercache.web.hot.in_memory import LAST_BYTES, READ_UP_TO_BYTES
from tiercache.web.limits import Limits

TAG = f'"{sha256(NUMPY)}"'
RANGES = (
    "bytes=0-",
    "bytes=0-0",
    "bytes=10-19",
    "bytes=-5",
    f"bytes={len(NUMPY) - 1}-",
    f"bytes=0-{len(NUMPY) + 100}",
    f"bytes={len(NUMPY)}-",
    "bytes=9-3",
    "bytes=0-1,5-6",
    "bytes=-0",
    "lines=0-3",
    "nonsense",
)
LARGE_NAME = "numpy-2.0.tar.gz"
LARGE = os.urandom(TURN_BYTES * 2 + 77)
LARGE_FILE = f"/files/{sha256(LARGE)}/{LARGE_NAME}"
SMALL = os.urandom(READ_UP_TO_BYTES)
MIDDLING = os.urandom(READ_UP_TO_BYTES + LAST_BYTES)
"""One that is read when it is wanted again, and one that is mapped and leaves in a turn."""


def large(folder: Path, limits: Limits | None = None, content: bytes = LARGE) -> Twins:
    """A node with a file of several turns, which is asked for already; or one with other content."""
    twins = Twins(folder=folder, limits=limits or Limits())
    (file,) = listed(twins.public, "numpy", (LARGE_NAME, content))
    result_of(twins.node.parts.pages.shown(normalise("numpy"), NO_CACHE))
    result_of(twins.node.content(file))
    twins.warm(path_of(content))
    return twins


def path_of(content: bytes) -> str:
    """By which a client asks for a file with that content."""
    return f"/files/{sha256(content)}/{LARGE_NAME}"


def stored(folder: Path, content: bytes = LARGE) -> Path:
    """Where the node there keeps such a file."""
    return next(path for path in folder.rglob(sha256(content)) if path.is_file())


def test_whole_file_its_parts_and_its_head_are_the_application_s(tmp_path: Path) -> None:
    twins = Twins(folder=tmp_path)
    for path in (FILE, f"/local{FILE}"):
        twins.warm(path)
        for method in ("GET", "HEAD"):
            for condition in ({}, {"If-None-Match": TAG}, {"If-None-Match": '"other"'}, {"If-Range": TAG}):
                request = head(method, path, condition)
                assert twins.hot_answer(request) == twins.stock_answer(request)
                assert twins.is_hot(request)
                for part in RANGES:
                    request = head(method, path, {**condition, "Range": part})
                    assert twins.hot_answer(request) == twins.stock_answer(request)


@pytest.mark.parametrize("if_range", [TAG, f"W/{TAG}", '"other"', "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_part_is_given_to_who_has_the_same_file_and_all_to_the_others(tmp_path: Path, if_range: str) -> None:
    twins = Twins(folder=tmp_path)
    twins.warm(FILE)
    for name in ("Range", "range"):
        request = head("GET", FILE, {name: "bytes=3-7", "If-Range": if_range})
        assert twins.is_hot(request)
        assert twins.hot_answer(request) == twins.stock_answer(request)


def test_range_that_has_no_byte_of_the_file_is_refused_by_the_application(tmp_path: Path) -> None:
    twins = Twins(folder=tmp_path)
    twins.warm(FILE)
    request = head("GET", FILE, {"Range": f"bytes={len(NUMPY)}-"})
    assert not twins.is_hot(request)
    assert b" 416 " in twins.hot_answer(request)


def test_file_is_asked_of_the_application_where_the_kernel_does_not_send_it(tmp_path: Path) -> None:
    twins = Twins(folder=tmp_path)
    twins.outlets.are_there = False
    twins.warm(FILE)
    assert not twins.is_hot(head("GET", FILE))
    assert twins.is_hot(head("HEAD", FILE))


def test_file_of_a_store_in_memory_has_no_descriptor_to_send() -> None:
    twins = Twins()
    twins.warm(FILE)
    assert not twins.is_hot(head("GET", FILE))


def test_large_file_leaves_in_turns_as_its_client_takes_it(tmp_path: Path) -> None:
    twins = large(tmp_path)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    assert connection.received == b""
    outlet = twins.outlets.made[-1]
    for room in (TURN_BYTES * 2, 5, 0, 100):
        outlet.room = room
        connection.sip()
    assert outlet.sent == [TURN_BYTES, 5, 100]
    connection.take()
    assert connection.reply().body == LARGE
    assert connection.is_open


def test_requests_behind_a_file_wait_for_its_end(tmp_path: Path) -> None:
    twins = large(tmp_path)
    twins.warm("/simple/numpy/")
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE) + head("GET", "/simple/numpy/") + head("GET", "/healthz"))
    connection.send(head("GET", LARGE_FILE, {"Range": "bytes=1-2"}))
    connection.take()
    assert connection.reply().body == LARGE
    assert b"numpy" in connection.reply().body
    assert connection.reply().status == 200
    assert connection.reply().body == LARGE[1:3]
    assert connection.received == b""


def test_what_is_sent_behind_a_file_is_not_read_beyond_a_bound(tmp_path: Path) -> None:
    twins = large(tmp_path)
    twins.warm("/simple/numpy/")
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    page = head("GET", "/simple/numpy/")
    many = AHEAD_BYTES // len(page)
    connection.send(page * many)
    assert connection.transport.producerState != "paused"
    connection.send(page)
    assert connection.transport.producerState == "paused"
    connection.take()
    twins.node.clock.advance(0)
    assert connection.transport.producerState != "paused"
    assert connection.reply().body == LARGE
    for _ in range(many + 1):
        assert connection.reply().status == 200
    assert connection.received == b""


@pytest.mark.parametrize("moment", ["before", "in the middle"])
def test_client_that_leaves_gives_the_descriptor_back(tmp_path: Path, moment: str) -> None:
    twins = large(tmp_path)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    if moment != "before":
        twins.outlets.made[-1].room = 1000
        connection.sip()
    hot = twins.hot.site.hot
    assert len(hot.descriptors) == 1
    assert twins.node.parts.at_hand._usage.is_in_use(sha256(LARGE))
    connection.leave()
    assert not twins.node.parts.at_hand._usage.is_in_use(sha256(LARGE))
    twins.node.clock.advance(KEPT_S)
    assert len(hot.descriptors) == 0


def test_socket_that_breaks_ends_the_sending(tmp_path: Path) -> None:
    twins = large(tmp_path)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    twins.outlets.made[-1].is_broken = True
    connection.take()
    assert not connection.is_open
    twins.node.clock.advance(KEPT_S)
    assert len(twins.hot.site.hot.descriptors) == 0


def test_file_that_loses_bytes_under_its_sender_is_cut_and_never_looks_complete(tmp_path: Path) -> None:
    twins = large(tmp_path)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    twins.outlets.made[-1].room = 1000
    connection.sip()
    os.truncate(stored(tmp_path), 2000)
    connection.take()
    assert not connection.is_open
    assert not connection.reply().is_complete


def test_file_that_is_removed_under_its_sender_is_sent_to_its_end(tmp_path: Path) -> None:
    twins = large(tmp_path)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    stored(tmp_path).unlink()
    connection.take()
    assert connection.reply().body == LARGE
    twins.node.clock.advance(LOOKED_AT_S)
    assert not twins.is_hot(head("GET", LARGE_FILE)), "it is gone, and is fetched anew"


def test_file_that_is_damaged_between_two_requests_is_the_application_s_to_mend(tmp_path: Path) -> None:
    twins = large(tmp_path)
    assert twins.is_hot(head("GET", LARGE_FILE))
    os.truncate(stored(tmp_path), 2000)
    twins.node.clock.advance(LOOKED_AT_S)
    connection = twins.connect()
    connection.send(head("GET", LARGE_FILE))
    assert connection.reply().body == LARGE


def test_file_that_is_damaged_a_moment_before_a_request_never_looks_complete(tmp_path: Path) -> None:
    twins = large(tmp_path)
    assert twins.is_hot(head("GET", LARGE_FILE))
    os.truncate(stored(tmp_path), 2000)
    connection = twins.connect()
    connection.send(head("GET", LARGE_FILE))
    connection.take()
    assert not connection.is_open
    assert not connection.reply().is_complete
    twins.node.clock.advance(LOOKED_AT_S)
    again = twins.connect()
    again.send(head("GET", LARGE_FILE))
    assert again.reply().body == LARGE


def test_file_that_is_wanted_again_leaves_as_the_kernel_has_it_in_memory_but_for_its_end(tmp_path: Path) -> None:
    twins = large(tmp_path)
    path = stored(tmp_path)

    def is_mapped() -> bool:
        return str(path) in Path("/proc/self/maps").read_text()

    connection = twins.connect()
    connection.send(head("GET", LARGE_FILE))
    outlet = twins.outlets.made[-1]
    assert connection.reply().body == LARGE
    assert outlet.sent == [TURN_BYTES, TURN_BYTES, 77]
    assert outlet.expects_much
    assert not is_mapped()
    connection.send(head("GET", LARGE_FILE))
    assert connection.reply().body == LARGE
    assert outlet.written[-2:] == [TURN_BYTES, TURN_BYTES + 77 - LAST_BYTES]
    assert outlet.sent[3:] == [LAST_BYTES - 77, 77]
    assert is_mapped()
    connection.send(head("GET", LARGE_FILE, {"Range": f"bytes=3-{TURN_BYTES + 9}"}))
    assert connection.reply().body == LARGE[3 : TURN_BYTES + 10]
    assert outlet.written[-1:] == [TURN_BYTES + 7 - LAST_BYTES]
    assert outlet.sent[5:] == [LAST_BYTES - 7, 7]
    twins.node.clock.advance(KEPT_S)
    assert not is_mapped()


@pytest.mark.parametrize(("content", "by_sendfile"), [(SMALL, []), (MIDDLING, [LAST_BYTES])])
def test_file_of_a_turn_that_is_wanted_again_leaves_with_its_head(
    tmp_path: Path, content: bytes, by_sendfile: list[int]
) -> None:
    twins = large(tmp_path, content=content)
    connection = twins.connect()
    connection.send(head("GET", path_of(content)))
    (outlet,) = twins.outlets.made
    whole = connection.received
    assert connection.reply().body == content
    assert outlet.sent == [len(content)]
    for _ in range(2):
        connection.send(head("GET", path_of(content)))
        assert connection.received == whole
        connection.reply()
    assert outlet.sent[1:] == by_sendfile * 2
    assert outlet.written[1:] == [len(whole) - sum(by_sendfile)] * 2
    assert connection.transport.producer is connection.protocol, "nobody was registered for it"
    assert not outlet.expects_much


@pytest.mark.parametrize("content", [SMALL, MIDDLING])
@pytest.mark.parametrize("room", [0, 1, 200, 2000, READ_UP_TO_BYTES, READ_UP_TO_BYTES + 2000])
def test_what_the_socket_does_not_take_of_a_file_in_memory_follows(tmp_path: Path, content: bytes, room: int) -> None:
    twins = large(tmp_path, content=content)
    connection = twins.connect()
    connection.send(head("GET", path_of(content)))
    whole = connection.received
    connection.stall()
    twins.outlets.made[-1].room = room
    connection.send(head("GET", path_of(content)) * 2)
    assert len(connection.received) == len(whole) + room
    connection.take()
    assert connection.received.startswith(whole * 2)
    for _ in range(3):
        assert connection.reply().body == content
    assert connection.received == b""


def test_small_file_that_is_damaged_a_moment_before_it_is_wanted_again_is_whole_in_memory(tmp_path: Path) -> None:
    twins = large(tmp_path, content=SMALL)
    for _ in range(2):
        assert twins.is_hot(head("GET", path_of(SMALL)))
    os.truncate(stored(tmp_path, SMALL), 2000)
    connection = twins.connect()
    connection.send(head("GET", path_of(SMALL)))
    assert connection.reply().body == SMALL
    twins.node.clock.advance(LOOKED_AT_S)
    connection.send(head("GET", path_of(SMALL)))
    assert connection.reply().body == SMALL, "it is found out, and mended by the application"
    sizes = {path.stat().st_size for path in tmp_path.rglob(sha256(SMALL)) if path.is_file()}
    assert sizes == {2000, len(SMALL)}, "the damaged one is put aside"


@pytest.mark.parametrize("lost_bytes", [1, 4000, LAST_BYTES + 1, LAST_BYTES + 4000, TURN_BYTES, TURN_BYTES * 2])
def test_mapped_file_that_loses_bytes_under_its_sender_never_looks_complete(tmp_path: Path, lost_bytes: int) -> None:
    twins = large(tmp_path)
    assert twins.is_hot(head("GET", LARGE_FILE))
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    twins.outlets.made[-1].room = 1000
    connection.sip()
    assert twins.outlets.made[-1].sent == []
    kept_bytes = len(LARGE) - lost_bytes
    os.truncate(stored(tmp_path), kept_bytes)
    connection.take()
    assert not connection.is_open
    reply = connection.reply()
    assert not reply.is_complete
    assert reply.body[:kept_bytes] == LARGE[: len(reply.body)][:kept_bytes]


def test_client_that_takes_nothing_of_a_file_is_dropped_in_time(tmp_path: Path) -> None:
    twins = large(tmp_path, Limits(write_timeout_s=30.0, idle_timeout_s=5.0))
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    twins.node.clock.advance(29.9)
    assert connection.is_open
    twins.outlets.made[-1].room = 1
    connection.sip()
    twins.node.clock.advance(29.9)
    assert connection.is_open, "it took a byte"
    twins.node.clock.advance(0.2)
    assert not connection.is_open
    twins.node.clock.advance(KEPT_S)
    assert len(twins.hot.site.hot.descriptors) == 0
    assert twins.node.clock.getDelayedCalls() == []


def test_connection_is_idle_again_when_its_file_is_sent(tmp_path: Path) -> None:
    twins = large(tmp_path, Limits(idle_timeout_s=60.0))
    connection = twins.connect()
    connection.send(head("GET", LARGE_FILE))
    twins.node.clock.advance(59.9)
    assert connection.is_open
    twins.node.clock.advance(0.2)
    assert not connection.is_open


def test_node_that_stops_lets_a_file_end(tmp_path: Path) -> None:
    twins = large(tmp_path)
    connection = twins.connect()
    connection.stall()
    connection.send(head("GET", LARGE_FILE))
    ended = begun(twins.hot.site.drain(30.0))
    assert connection.is_open
    connection.take()
    assert not connection.is_open
    assert connection.reply().body == LARGE
    assert ended.called
