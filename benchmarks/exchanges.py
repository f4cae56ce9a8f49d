"""Single HTTP exchanges and what they take, on the standard library: the client's share of the time is small.

Times are seconds of wall time.  Which exchanges are compared is said in `benchmarks.node`.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from typing import Any

from tests.doubles.distributions import Archive
from tests.doubles.fetching import connect
from tests.doubles.processes import RunningIndex

ACCEPTS = {"JSON": "application/vnd.pypi.simple.v1+json", "HTML": "text/html"}


def every(simple: str, names: list[str], accept: str) -> list[float]:
    """The time of one page of each project, all on one connection."""
    return [took for name in names for took in repeated(simple, name, accept, 1)]


def repeated(simple: str, name: str, accept: str, times: int) -> list[float]:
    """The times of a project's page, asked for again and again on one connection that is already open."""
    connection, path = connect(f"{simple}{name}/")
    connection.connect()
    taken = []
    for _ in range(times):
        began_at = time.perf_counter()
        connection.request("GET", path, headers={"Accept": accept})
        response = connection.getresponse()
        response.read()
        taken.append(time.perf_counter() - began_at)
        assert response.status == 200, response.status
    connection.close()
    return taken


def read_page(url: str) -> Any:
    """A project page as JSON."""
    connection, path = connect(url)
    connection.request("GET", path, headers={"Accept": ACCEPTS["JSON"]})
    page = json.loads(connection.getresponse().read())
    connection.close()
    return page


def direct_path(index: RunningIndex, name: str) -> str:
    """Where the index itself serves the only file of a project."""
    (file,) = read_page(f"{index.simple}{name}/")["files"]
    return "/" + str(file["url"]).removeprefix(index.url)


def node_path(archive: Archive) -> str:
    return f"files/{archive.hashes['sha256']}/{archive.filename}"


def drained(url: str) -> float:
    """The time of a download on a new connection."""
    began_at = time.perf_counter()
    for _ in _chunks(url):
        pass
    return time.perf_counter() - began_at


def digest_of(url: str) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(url):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(url: str) -> Iterator[memoryview]:
    connection, path = connect(url, timeout_s=300)
    connection.request("GET", path)
    response = connection.getresponse()
    assert response.status == 200, response.status
    expected, got = int(response.headers["Content-Length"]), 0
    buffer = bytearray(1 << 20)
    while size := response.readinto(buffer):
        got += size
        yield memoryview(buffer)[:size]
    connection.close()
    if got != expected:
        raise http.client.IncompleteRead(b"", expected - got)
