"""Keeps a node at work, as a process of its own: `python -m benchmarks.peers.chores`.

Told by `Chores` as JSON in its only argument, it downloads one file, asks for a page again and again so that the node
asks its tier each time, and has lists of projects prefetched one after the other.  It does so until its standard input
ends, and prints then what it has done (`Done`).
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urljoin

from attrs import asdict, define, frozen

from benchmarks.exchanges import ACCEPTS
from tests.doubles.fetching import connect, fetch

NICE = 10
"""Who measures is to have the core when he wants it."""

_PAUSE_S = 0.05


@frozen(kw_only=True)
class Chores:
    """`file` is the URL of a file, `page` of a page; of `prefetches` each has the projects that one job is given."""

    node: str
    file: str
    page: str
    prefetches: Sequence[Sequence[str]]


@define(kw_only=True)
class Done:
    """What came of it: bytes of the file, pages, files that were prefetched.  `ended`: what came to its end too soon.

    `amiss`: what went wrong.
    """

    file_bytes: int = 0
    pages: int = 0
    prefetched: int = 0
    ended: str = ""
    amiss: str = ""

    def take(self, told: Mapping[str, Any]) -> None:
        """What the process has told; an AssertionError if it was not at work all the time."""
        for name, value in told.items():
            setattr(self, name, value)
        assert not self.amiss, self.amiss
        assert not self.ended, f"too soon ended: {self.ended}"
        assert self.file_bytes > 0, "nothing was downloaded"
        assert self.pages > 0, "no page came"

    def __str__(self) -> str:
        megabytes = self.file_bytes // 1_000_000
        return f"{megabytes} MB downloaded, {self.pages} times the page, {self.prefetched} files in ended prefetches"


@define(kw_only=True)
class _Worker:
    chores: Chores
    done: Done
    is_over: threading.Event

    def run(self) -> None:
        """Everything at once, until it is over."""
        for work in (self._download, self._ask, self._prefetch):
            threading.Thread(target=self._tried, args=(work,), daemon=True).start()
        self.is_over.wait()

    def _tried(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as problem:  # noqa: BLE001  # of whatever kind: it is told, and nothing counts any more
            if not self.is_over.is_set():
                self.done.amiss = f"{work.__name__}: {problem}"[:200]

    def _download(self) -> None:
        connection, path = connect(self.chores.file)
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200, response.status
        buffer = bytearray(1 << 20)
        while size := response.readinto(buffer):
            self.done.file_bytes += size
        self.done.ended = "the file"

    def _ask(self) -> None:
        while True:
            for syntax in ACCEPTS.values():
                headers = {"Accept": syntax, "Accept-Encoding": "gzip", "Cache-Control": "no-cache"}
                answer = fetch(self.chores.page, headers=headers)
                assert answer.status == 200, answer
                self.done.pages += 1

    def _prefetch(self) -> None:
        for projects in self.chores.prefetches:
            body = {"documents": [{"name": "requirements.txt", "text": "\n".join(projects) + "\n"}]}
            headers = {"Content-Type": "application/json"}
            begun = fetch(f"{self.chores.node}api/v1/prefetch", "POST", headers, json.dumps(body).encode())
            assert begun.status == 202, begun
            while True:
                told = json.loads(fetch(urljoin(self.chores.node, begun.headers["location"])).body)
                if told["phase"] == "done":
                    break
                assert told["phase"] not in ("failed", "cancelled"), told
                time.sleep(_PAUSE_S)
            self.done.prefetched += len(told["files"])
        self.done.ended = "the prefetches"


def main() -> None:
    """Work until the input ends."""
    os.nice(NICE)
    told = json.loads(sys.argv[1])
    worker = _Worker(chores=Chores(**told), done=Done(), is_over=threading.Event())
    threading.Thread(target=worker.run, daemon=True).start()
    sys.stdin.read()
    worker.is_over.set()
    print(json.dumps(asdict(worker.done)), flush=True)
    os._exit(0)  # nothing of what is under way is waited for


if __name__ == "__main__":
    main()
