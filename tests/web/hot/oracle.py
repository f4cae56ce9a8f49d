"""The stock channel as the oracle of the front: whatever bytes come, and however they are cut, both answer the same.

`tests.web.hot.fuzz` looks for bytes that part the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from tests.doubles.wire import HOST, Connection, Wire
from tests.web.hot.twins import FILE, SIDECAR, Twins, WorkerTwins, but_its_date, head

READY = ("/simple/numpy/", "/local/acme-tools/", SIDECAR)
"""What is asked for most."""


@cache
def twins() -> Twins:
    """A node with answers that are ready."""
    node = Twins()
    warm(node)
    return node


@cache
def worker_twins() -> WorkerTwins:
    """The same with a worker before it."""
    node = WorkerTwins()
    warm(node)
    return node


def warm(node: Twins) -> None:
    """Have the answers kept that are asked for."""
    for path in READY:
        for fields in ({}, {"Accept-Encoding": "gzip"}, {"Accept": "application/vnd.pypi.simple.v1+json"}):
            node.warm(path, fields)


def answers(node: Twins, wire: Wire, pieces: Sequence[bytes]) -> tuple[bytes, bool]:
    """What comes back for these pieces of what a client sends, and whether the connection stays open."""
    connection: Connection | None = wire.connect()
    assert connection is not None
    for piece in pieces:
        connection.send(piece)
    node.node.clock.advance(0)
    outcome = but_its_date(connection.received), connection.is_open
    connection.leave()
    wire.connections.clear()
    return outcome


def cut(data: bytes, places: Sequence[int]) -> Iterator[bytes]:
    """Data in pieces, cut at these places."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    begin = 0
    for end in ends:
        if data[begin:end]:
            yield data[begin:end]
        begin = end


def compare(pieces: Sequence[bytes]) -> None:
    """Raise AssertionError where the front, or a worker's, and the stock channel part."""
    node, behind = twins(), worker_twins()
    expected = answers(node, node.stock, pieces)
    for one in (node, behind):
        one.cool()
        assert answers(one, one.hot, pieces) == expected, "of what nobody has asked for"
        assert answers(one, one.hot, pieces) == expected


def one_input(data: bytes) -> None:
    """What a fuzzer found worth trying: two bytes say where it is cut, the rest is sent."""
    compare(list(cut(data[2:], list(data[:2]))))


def seeds() -> Iterator[bytes]:
    """What to begin from."""
    for path in (*READY, FILE, f"/local{FILE}"):
        yield b"\x00\x40" + head("GET", path) * 2
        yield b"\x10\x80" + head("GET", path, {"If-None-Match": "*", "Range": "bytes=0-1"}) + head("HEAD", path)
    yield b"\x10\x10" + head("POST", "/legacy/", {"Content-Length": "3"}) + b"abc" + head("GET", READY[0])
    yield b"\x10\x10" + head("GET", f"http://{HOST}{READY[0]}", {"Connection": "close"})
