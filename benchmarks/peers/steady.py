"""Requests at a steady rate, and how long each of them waited: what a client sees of a server that is not full."""

from __future__ import annotations

import gc
import math
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from attrs import frozen

_DEADLINE_S = 30.0
_PIECE_BYTES = 1 << 20


@frozen(kw_only=True)
class Latencies:
    """How long each request waited for all of its answer, in seconds, the shortest first; at least one."""

    waited_s: Sequence[float]

    @classmethod
    def of(cls, waited_s: Sequence[float]) -> Latencies:
        return cls(waited_s=sorted(waited_s))

    def percentile(self, percent: float) -> float:
        """The wait that so many of a hundred requests did not exceed."""
        return self.waited_s[max(0, math.ceil(len(self.waited_s) * percent / 100) - 1)]

    @property
    def longest_s(self) -> float:
        return self.waited_s[-1]


def asked_steadily(url: str, headers: Mapping[str, str], *, per_s: float, seconds: float) -> Latencies:
    """Ask for one URL on one connection, so often for so long.

    A request that is due while the one before it waits is sent behind that, and has waited since it was due: nothing of
    a stall is left out.  An OSError if the connection ends, a ValueError for an answer that is no 200.
    """
    parts = urlsplit(url)
    fields = {"Host": parts.netloc, **headers}
    lines = [f"GET {parts.path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    waited_s = []
    with socket.create_connection((parts.hostname, parts.port), timeout=_DEADLINE_S) as connection, _no_collections():
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        due_at = answered_at = time.perf_counter()
        for _ in range(round(per_s * seconds)):
            due_at += 1 / per_s
            began_at = due_at
            if answered_at < due_at:
                time.sleep(max(0.0, due_at - time.perf_counter()))
                began_at = time.perf_counter()  # that this process was late is nothing of the server's
            connection.sendall(request)
            _read_answer(connection)
            answered_at = time.perf_counter()
            waited_s.append(answered_at - began_at)
    return Latencies.of(waited_s)


def _read_answer(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    status, *fields = head.decode("latin-1").lower().split("\r\n")
    length = next((field.partition(":")[2] for field in fields if field.startswith("content-length:")), None)
    if status.split(" ")[1:2] != ["200"] or length is None:
        raise ValueError(f"the page was answered with: {status}")
    left_bytes = int(length) - len(body)
    while left_bytes > 0:
        left_bytes -= len(_more(connection))


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(_PIECE_BYTES)
    if not data:
        raise ConnectionResetError("the server ended the connection")
    return data


@contextmanager
def _no_collections() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
