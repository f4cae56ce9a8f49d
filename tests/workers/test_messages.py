"""What goes over the line between a node and a worker: whole, cut anywhere, or nonsense."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.web.hot.oracle import cut
from tiercache.policy.cache_status import Outcome
from tiercache.policy.hops import Hops
from tiercache.web.asker import Asker
from tiercache.workers import messages
from tiercache.workers.line import Line
from tiercache.workers.messages import (
    Alive,
    Ask,
    Begin,
    End,
    Found,
    Give,
    Here,
    MessageMalformed,
    Pass,
    Say,
    StoredFile,
    Tell,
    Took,
    encoded,
    from_node,
    from_worker,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
variants = st.none() | st.tuples(texts, texts)
seconds = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
lines = st.builds(
    messages.Line,
    at=seconds,
    client=texts,
    method=texts,
    path=texts,
    status=counts,
    sent_bytes=counts,
    seconds=seconds,
    agent=texts,
    ended=texts,
    words=texts,
    fields=st.dictionaries(texts, texts | counts | seconds | st.booleans(), max_size=3),
)
founds = st.builds(
    Found,
    project=texts,
    variant=variants,
    headers=st.dictionaries(texts, texts, max_size=3),
    unmodified_headers=st.dictionaries(texts, texts, max_size=3),
    outcome=st.none() | st.builds(Outcome, hit=st.booleans(), ttl_s=st.none() | seconds, tier=st.none() | texts),
    body=st.binary(max_size=50),
    file=st.none() | st.builds(StoredFile, sha256=texts, size_bytes=counts, path=texts),
    version=counts,
    made_at=seconds,
    until=seconds,
    age_s=st.none() | seconds,
)
askers = st.builds(
    Asker,
    address=texts,
    user_agent=texts,
    hops=st.builds(Hops, via=st.lists(texts, max_size=3).map(tuple), cdn_loop=st.lists(texts, max_size=3).map(tuple)),
    is_for_all=st.booleans(),
)
passes = st.builds(Pass, data=st.binary(max_size=50))
from_workers = (
    st.just(Here())
    | st.just(Alive())
    | st.builds(Ask, target=st.binary(max_size=50), variant=variants, asker=askers)
    | st.builds(Tell, hits=counts, files=st.lists(texts, max_size=3), lines=st.lists(lines, max_size=3))
    | st.builds(Say, level=texts, text=texts)
)
from_nodes = (
    st.builds(
        Begin,
        node_name=texts,
        node_id=st.none() | texts,
        public_url=st.none() | texts,
        trusted_proxies=st.lists(texts, max_size=3),
        client_max_age_s=seconds,
        ready_bytes=counts,
        limits=st.dictionaries(texts, counts | seconds, max_size=3),
    )
    | st.builds(Give, target=st.binary(max_size=50), variant=variants, found=st.none() | founds)
    | st.builds(End, within_s=seconds)
)


@define(eq=False)
class Ear:
    """Hears what comes over a line."""

    said: list[Any] = field(factory=list)
    came_with: list[tuple[int, bytes]] = field(factory=list)
    is_alone: bool = False

    def heard(self, message: object) -> None:
        self.said.append(message)

    def came(self, connection: int, data: bytes) -> None:
        self.came_with.append((connection, data))

    def gone(self) -> None:
        self.is_alone = True


@define(eq=False)
class Wire:
    """The transport of one end."""

    line: Line[Any]
    written: bytes = b""
    passed: list[int] = field(factory=list)

    def write(self, data: bytes) -> None:
        self.written += data

    def sendFileDescriptor(self, number: int) -> None:  # noqa: N802
        self.passed.append(number)

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: N802
        pass

    def abortConnection(self) -> None:  # noqa: N802
        self.line.connectionLost(Failure(ConnectionDone()))


def line_of(decoded: Any) -> tuple[Line[Any], Ear, Wire]:
    line: Line[Any] = Line(decoded)
    ear, wire = Ear(), Wire(line)
    line.listener = ear
    line.makeConnection(wire)
    return line, ear, wire


def written(said: Sequence[Any]) -> bytes:
    line, _, wire = line_of(from_worker)
    for message in said:
        line.say(message)
    return wire.written


@given(st.lists(from_workers, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_what_a_worker_says_arrives_however_it_is_cut(said: list[Any], places: list[int]) -> None:
    line, ear, _ = line_of(from_worker)
    for piece in cut(written(said), places):
        line.dataReceived(piece)
    assert ear.said == said
    assert line.is_open


@given(st.lists(from_nodes, max_size=5), st.lists(st.integers(0, 10_000), max_size=8))
def test_what_a_node_says_arrives_however_it_is_cut(said: list[Any], places: list[int]) -> None:
    line, ear, _ = line_of(from_node)
    for piece in cut(written(said), places):
        line.dataReceived(piece)
    assert ear.said == said


@given(st.binary(max_size=200))
def test_nonsense_is_a_message_or_malformed_and_nothing_else(data: bytes) -> None:
    for decoded in (from_worker, from_node):
        try:
            decoded(data)
        except MessageMalformed:
            continue


@given(from_workers | from_nodes, st.integers(0, 500), st.integers(0, 255))
def test_message_with_a_wrong_byte_is_a_message_or_malformed(message: Any, at: int, byte: int) -> None:
    data = bytearray(encoded(message))
    data[at % len(data)] = byte
    for decoded in (from_worker, from_node):
        try:
            decoded(bytes(data))
        except MessageMalformed:
            continue


@given(st.binary(min_size=4, max_size=200))
def test_nonsense_on_the_line_ends_it_or_waits_for_more(data: bytes) -> None:
    line, ear, _ = line_of(from_worker)
    line.dataReceived(data)
    assert line.is_open or ear.is_alone


@pytest.mark.parametrize(
    "frame",
    [b"\xc1", b"", b"\x90", encoded(End(1.0)), encoded(Took()), encoded(Pass(b"x")), encoded(Here()) + b"\x00"],
    ids=["no msgpack", "empty", "no tag", "of the other end", "took nothing", "no descriptor", "bytes left over"],
)
def test_bad_frame_ends_the_line(frame: bytes) -> None:
    line, ear, _ = line_of(from_worker)
    line.dataReceived(len(frame).to_bytes(4, "big") + frame)
    assert not line.is_open
    assert ear.is_alone
    assert ear.said == ear.came_with == []


@pytest.mark.parametrize(("more", "is_open"), [(0, True), (1, False)])
def test_frame_may_be_as_long_as_it_says_and_no_longer(more: int, is_open: bool) -> None:
    line, _, _ = line_of(from_worker)
    line.dataReceived((messages.LONGEST_FRAME + more).to_bytes(4, "big"))
    assert line.is_open is is_open


def descriptor() -> int:
    return os.open(os.devnull, os.O_RDONLY)


def is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def test_connection_goes_with_its_frame_and_is_let_go_when_it_was_taken() -> None:
    line, _, wire = line_of(from_worker)
    number = descriptor()
    line.pass_on(number, b"GET")
    assert wire.passed == [number]
    other, ear, back = line_of(from_node)
    copy = os.dup(number)
    other.fileDescriptorReceived(copy)
    other.dataReceived(wire.written)
    assert ear.came_with == [(copy, b"GET")]
    assert not is_closed(number), "it may be under way still"
    line.dataReceived(back.written)
    assert is_closed(number)
    assert not is_closed(copy), "it is who took it that closes it"
    os.close(copy)


def test_descriptors_of_a_line_that_ends_are_closed() -> None:
    line, ear, wire = line_of(from_worker)
    under_way, untold, late = descriptor(), descriptor(), descriptor()
    line.pass_on(under_way, b"")
    line.fileDescriptorReceived(untold)
    wire.abortConnection()
    assert ear.is_alone
    line.pass_on(late, b"")
    assert all(is_closed(number) for number in (under_way, untold, late))
