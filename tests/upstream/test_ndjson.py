"""Lines of JSON as they come: whatever they are cut into, and however long somebody makes them."""

from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone

from tests.doubles.now import at_once, begun, result_of
from tiercache.policy.retry import Fault
from tiercache.upstream.body import PAUSE_AT_BYTES, Body
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.ndjson import PIECE_BYTES, Lines

LONGEST = 1000


class Source:
    """A body whose bytes come when the test says so, and `Lines` over it."""

    def __init__(self, coding: str = "", longest: int = LONGEST) -> None:
        self.transport = StringTransport()
        self.body = Body(Clock(), silence_s=30, limit_bytes=2**40, reason_if_larger="too much")
        self.body.makeConnection(self.transport)
        self.lines = Lines(body=self.body, coding=coding, longest_bytes=longest, pool=at_once)

    def send(self, *pieces: bytes) -> Source:
        for piece in pieces:
            self.body.dataReceived(piece)
        return self

    def end(self) -> Source:
        self.body.connectionLost(Failure(ResponseDone()))
        return self

    def all(self) -> list[bytes]:
        return list(self._all())

    def _all(self) -> Iterator[bytes]:
        while (line := result_of(self.lines.read())) is not None:
            yield line


def pieces_of(data: bytes, size: int) -> Iterable[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def failure_of(source: Source) -> Unanswered:
    with pytest.raises(Unanswered) as caught:
        source.all()
    return caught.value


@given(
    st.lists(st.binary(min_size=1, max_size=60).filter(lambda line: line.strip() and b"\n" not in line), max_size=8),
    st.integers(1, 50),
    st.sampled_from(["", "gzip"]),
)
def test_lines_are_the_same_however_they_are_cut(lines: list[bytes], size: int, coding: str) -> None:
    data = b"".join(line + b"\n" for line in lines)
    coded = gzip.compress(data) if coding else data
    assert Source(coding).send(*pieces_of(coded, size)).end().all() == lines


def test_a_line_can_be_read_as_soon_as_it_is_flushed() -> None:
    packer = zlib.compressobj(wbits=31)
    source = Source("gzip")
    waiting: Deferred[bytes | None] = begun(source.lines.read())
    for number in range(3):
        text = b'{"name": "project-%d"}' % number
        source.send(packer.compress(text + b"\n") + packer.flush(zlib.Z_SYNC_FLUSH))
        assert result_of(waiting) == text
        waiting = begun(source.lines.read())
    assert not waiting.called
    source.send(packer.flush()).end()
    assert result_of(waiting) is None


def test_what_was_looked_through_of_one_line_is_not_skipped_in_the_next() -> None:
    source = Source().send(b"aaaa")
    first = begun(source.lines.read())
    source.send(b"aaaa\nb\nc\nd\n").end()
    assert [result_of(first), *source.all()] == [b"aaaaaaaa", b"b", b"c", b"d"]


@pytest.mark.parametrize("more", [-2, -1, 0, 1, 2, 5, 257, 258, 259])
def test_a_flushed_line_is_there_whole_wherever_a_decoded_piece_ends(more: int) -> None:
    for times in (1, 2):
        packer = zlib.compressobj(wbits=31)
        text = b"x" * (times * PIECE_BYTES + more)
        source = Source("gzip", longest=len(text))
        source.send(packer.compress(text + b"\n") + packer.flush(zlib.Z_SYNC_FLUSH))
        assert result_of(source.lines.read()) == text


@pytest.mark.parametrize("filling", [b"", b"\n", b" \t\r\n\n"])
def test_empty_lines_are_passed_over(filling: bytes) -> None:
    assert Source().send(filling + b"a\n" + filling + b"b\n" + filling).end().all() == [b"a", b"b"]


def test_a_gzip_stream_may_have_several_members() -> None:
    assert Source("gzip").send(gzip.compress(b"a\nb") + gzip.compress(b"c\n")).end().all() == [b"a", b"bc"]


def test_a_line_may_be_larger_than_a_decoded_piece() -> None:
    text = random.Random(7).randbytes(3 * PIECE_BYTES).replace(b"\n", b"x") + b"y" * 3 * PIECE_BYTES
    for coded in (gzip.compress(text + b"\n"), gzip.compress(text + b"\n", 0)):
        source = Source("gzip", longest=len(text)).send(*pieces_of(coded, 64 * 1024)).end()
        assert source.all() == [text]


# -- limits -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_a_line_of_the_greatest_length_is_read_and_one_byte_more_is_not(coding: str) -> None:
    def coded(data: bytes) -> bytes:
        return gzip.compress(data) if coding else data

    assert Source(coding).send(coded(b"x" * LONGEST + b"\n")).end().all() == [b"x" * LONGEST]
    assert "more than 1000 bytes" in failure_of(Source(coding).send(coded(b"x" * (LONGEST + 1) + b"\n"))).reason
    assert "more than 1000 bytes" in failure_of(Source(coding).send(coded(b"x" * (LONGEST + 1)))).reason


def test_a_line_of_a_gigabyte_never_takes_more_memory_than_the_limit() -> None:
    source = Source(longest=4 * 2**20)
    reading = begun(source.lines.read())
    outcomes: list[object] = []
    reading.addErrback(outcomes.append)
    piece, sent, most = b"x" * 64 * 1024, 0, 0
    while not outcomes and sent < 2**30:
        source.send(piece)
        sent += len(piece)
        most = max(most, source.lines.held_bytes)
    assert isinstance(outcomes[0], Failure)
    assert outcomes[0].check(Unanswered)
    assert sent <= 4 * 2**20 + 2 * len(piece)
    assert most <= 4 * 2**20 + len(piece)


def test_a_gzip_bomb_is_decoded_no_further_than_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"x" * 2**20) for _ in range(256)) + packer.flush()
    assert len(bomb) < PAUSE_AT_BYTES  # all of it in one piece
    source = Source("gzip", longest=2**20).send(bomb)
    assert "more than 1048576 bytes" in failure_of(source).reason
    assert source.lines.held_bytes <= 2**20 + PIECE_BYTES


def test_a_bomb_of_many_short_lines_is_read_a_piece_at_a_time() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"x\n" * 2**19) for _ in range(64)) + packer.flush()
    source = Source("gzip").send(bomb)
    for _ in range(3):
        assert result_of(source.lines.read()) == b"x"
    assert source.lines.held_bytes <= PIECE_BYTES


# -- bad days ---------------------------------------------------------------------------------------------------


def test_a_body_that_ends_in_the_middle_of_a_line_has_broken_off_after_what_came() -> None:
    source = Source().send(b'{"name": "a"}\n{"na').end()
    assert result_of(source.lines.read()) == b'{"name": "a"}'
    failed = failure_of(source)
    assert failed.fault is Fault.BROKEN
    assert "in the middle of a line" in failed.reason


def test_gzip_that_is_cut_off_or_garbled_is_told() -> None:
    whole = gzip.compress(b"a\n" * 100)
    assert "cut off" in failure_of(Source("gzip").send(whole[:-3]).end()).reason
    assert "garbled" in failure_of(Source("gzip").send(b"no gzip at all").end()).reason
    assert "garbled" in failure_of(Source("gzip").send(whole[:-8] + b"\0" * 8).end()).reason


def test_another_coding_is_refused() -> None:
    with pytest.raises(Unanswered, match="coding"):
        Source("br")
