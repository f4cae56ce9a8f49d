"""The bytes of a stored file on their way to one client."""

from __future__ import annotations

from io import BytesIO

import pytest

from tests.doubles.now import at_once, begun, result_of
from tiercache.cache.body import AT_ONCE_BYTES, StoredBody
from tiercache.cache.fill_reader import CHUNK_BYTES
from tiercache.cache.signal import Signal
from tiercache.cache.usage import Usage
from tiercache.errors import LengthMismatch
from tiercache.interfaces import Pool

CONTENT = bytes(range(256)) * 2048  # two chunks


def body_of(content: bytes, start: int, stop: int, pool: Pool = at_once) -> tuple[StoredBody, BytesIO, Usage]:
    handle, usage = BytesIO(content), Usage(now=lambda: 7.0)
    body = StoredBody(handle=handle, filename="x", position=start, stop=stop, pool=pool, usage=usage, sha256="a" * 64)
    return body, handle, usage


@pytest.mark.parametrize(("start", "stop"), [(0, len(CONTENT)), (1, CHUNK_BYTES + 5), (9, 9), (9, 10)])
def test_a_stretch_comes_in_chunks_and_ends(start: int, stop: int) -> None:
    body, _, _ = body_of(CONTENT, start, stop)
    chunks = []
    while chunk := result_of(body.read()):
        assert len(chunk) <= CHUNK_BYTES
        chunks.append(chunk)
    assert b"".join(chunks) == CONTENT[start:stop]


def test_a_file_that_has_become_shorter_does_not_look_complete() -> None:
    body, _, _ = body_of(CONTENT[:100], 0, 101)
    assert result_of(body.read()) == CONTENT[:100]
    with pytest.raises(LengthMismatch):
        result_of(body.read())


def test_a_file_is_in_use_until_its_last_reader_has_left() -> None:
    body, handle, usage = body_of(CONTENT, 0, 10)
    usage.begin("a" * 64)
    for _ in range(2):
        body.close()
    assert usage.is_in_use("a" * 64)
    usage.end("a" * 64)
    assert not usage.is_in_use("a" * 64)
    assert usage.take_times() == {"a" * 64: 7.0}
    assert usage.take_times() == {}
    assert handle.closed


def test_a_little_is_read_where_it_stands_without_the_pool() -> None:
    async def never(function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        raise AssertionError("there was no need")

    content = bytes(AT_ONCE_BYTES)
    body, _, _ = body_of(content, 0, len(content), never)
    assert result_of(body.read()) == content


def test_a_file_is_not_closed_under_a_read_that_is_under_way_but_after_it() -> None:
    turn = Signal()

    async def late(function, /, *args):  # type: ignore[no-untyped-def]  # a Pool
        await turn.wait()
        return function(*args)

    content = bytes(AT_ONCE_BYTES + 1)
    body, handle, _ = body_of(content, 0, len(content), late)
    reading = begun(body.read())
    body.close()
    assert not handle.closed
    turn.fire()
    assert result_of(reading) == content
    assert handle.closed
    assert result_of(body.read()) == b""
