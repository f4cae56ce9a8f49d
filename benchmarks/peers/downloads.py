"""Whole downloads, one or many at once, each on a connection of its own, timed from the first request on."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from urllib.parse import urljoin

from attrs import frozen

from tests.doubles.fetching import connect

_MOST_REDIRECTS = 3
_DEADLINE_S = 300.0
_TOGETHER_S = 5.0


@frozen(kw_only=True)
class Download:
    """How long a client waited for its first byte and for the last, and how many bytes it got."""

    first_byte_s: float
    took_s: float
    size_bytes: int


def download(url: str, begun: Callable[[], object] = lambda: None) -> Download:
    """One download, redirects followed; an OSError or an HTTPException if it fails or is short.

    `begun` is called when the first byte is here, and the others are read when it returns.
    """
    began_at = time.perf_counter()
    for _ in range(_MOST_REDIRECTS + 1):
        connection, path = connect(url, timeout_s=_DEADLINE_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status in (301, 302, 303, 307, 308):
                url = urljoin(url, response.headers["Location"])
                continue
            if response.status != 200:
                raise http.client.HTTPException(f"{url} answers {response.status}")
            return _drained(response, began_at, begun)
        finally:
            connection.close()
    raise http.client.HTTPException(f"{url}: too many redirects")


def _drained(response: http.client.HTTPResponse, began_at: float, begun: Callable[[], object]) -> Download:
    expected = response.length  # None for a chunked body, whose end is marked
    got = len(response.read(1))  # with more it would wait until it has all that
    first_byte_s = time.perf_counter() - began_at
    begun()
    buffer = bytearray(1 << 20)
    while size := response.readinto(buffer):
        got += size
    if expected is not None and got != expected:
        raise http.client.IncompleteRead(b"", expected - got)
    return Download(first_byte_s=first_byte_s, took_s=time.perf_counter() - began_at, size_bytes=got)


def downloads(url: str, clients: int) -> Sequence[Download]:
    """The same URL by so many clients who begin together, and read on when each of them has its first byte: what the
    first take would otherwise keep this process from seeing what the last are given.  Of a server that gives to one
    after the other they read on after a while."""
    together, all_begun = Barrier(clients), Barrier(clients)

    def all_have_begun() -> None:
        with suppress(BrokenBarrierError):
            all_begun.wait(timeout=_TOGETHER_S)

    def one(_: int) -> Download:
        together.wait(timeout=_DEADLINE_S)
        try:
            return download(url, all_have_begun)
        except BaseException:
            all_begun.abort()
            raise

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(one, range(clients)))
