"""How a node bears many children that follow its changes: `python -m benchmarks.feed`, or with `--short` a tenth.

One node as its process; 10,000 subscribers on loopback, in this process, each on a connection of its own.  A release
hosted on the node is to reach all of them within two seconds, and the node to stay under 1 GB.  Exits with 3 if a limit
is missed.
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import sys
import tempfile
import time
from pathlib import Path

from attrs import define, field

from benchmarks.measures import Figure, Report
from benchmarks.node import LIMIT_MISSED
from tests.doubles.releasing import ReleasingNode, wheel_of

SUBSCRIBERS = 10_000
EVENTS = 5
ADDRESSES = 10
"""Of the loopback network the subscribers come from, so that no address runs out of ports."""

CONNECT_AT_ONCE = 100
DEADLINE_S = 120.0


@define(kw_only=True)
class Subscriber:
    """One connection that reads a feed; `seen` is how many changes it has read."""

    connection: socket.socket
    seen: int = 0
    is_live: bool = False
    _rest: bytes = b""

    def read(self) -> None:
        """Take what is there."""
        data = self.connection.recv(65536)
        if not data:
            raise ConnectionError("the node has closed a feed")
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        self.seen += sum(line.rstrip() == b"event: change" for line in lines)
        self.is_live = self.is_live or any(line.rstrip() == b"event: live" for line in lines)


@define(kw_only=True)
class Crowd:
    """All subscribers."""

    port: int
    size: int
    subscribers: list[Subscriber] = field(factory=list)
    _ready: selectors.BaseSelector = field(factory=selectors.DefaultSelector)

    def gather(self) -> None:
        """Connect everybody, and wait until each has been told what is live."""
        request = (
            f"GET /api/v1/changes HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAccept: text/event-stream\r\n\r\n"
        ).encode()
        while len(self.subscribers) < self.size:
            for _ in range(min(CONNECT_AT_ONCE, self.size - len(self.subscribers))):
                source = f"127.0.0.{len(self.subscribers) % ADDRESSES + 1}"
                connection = socket.create_connection(("127.0.0.1", self.port), timeout=30, source_address=(source, 0))
                connection.sendall(request)
                connection.setblocking(False)
                subscriber = Subscriber(connection=connection)
                self.subscribers.append(subscriber)
                self._ready.register(connection, selectors.EVENT_READ, subscriber)
            self._until(lambda: all(one.is_live for one in self.subscribers[-CONNECT_AT_ONCE:]))

    def wait_for(self, changes: int) -> None:
        """Until each has seen so many changes."""
        self._until(lambda: all(one.seen >= changes for one in self.subscribers))

    def leave(self) -> None:
        """Close every connection."""
        self._ready.close()
        for one in self.subscribers:
            one.connection.close()

    def _until(self, is_done: object) -> None:
        assert callable(is_done)
        deadline = time.monotonic() + DEADLINE_S
        while not is_done():
            if time.monotonic() > deadline:
                behind = sum(not one.is_live for one in self.subscribers)
                raise TimeoutError(f"{behind} of {len(self.subscribers)} subscribers have heard nothing")
            for key, _ in self._ready.select(timeout=1):
                key.data.read()


def measured(size: int) -> Report:
    """Gather the crowd, and tell it of releases."""
    with tempfile.TemporaryDirectory() as folder:
        node = ReleasingNode.begin(Path(folder) / "node", {"node": {"max-connections": size + 100}, "tiers": []})
        node.wait_until_ready()
        crowd = Crowd(port=node.port, size=size)
        try:
            before_bytes = node.memory_bytes()
            crowd.gather()
            idle_bytes = node.memory_bytes()
            taken = []
            for number in range(1, EVENTS + 1):
                began_at = time.monotonic()
                node.release(wheel_of("acme-lib", f"{number}.0", Path(folder) / "wheels"))
                crowd.wait_for(number)  # one change each; the first says besides that the name is reserved
                taken.append(time.monotonic() - began_at)
            peak_bytes = node.peak_memory_bytes()
        finally:
            crowd.leave()
            node.close()
    figures = [
        Figure(what=f"a release until all {size} have heard of it", value=max(taken), limit=2.0, unit="s"),
        Figure(
            what=f"the node's memory at its peak, {size} subscribers", value=peak_bytes / 1e6, limit=1000, unit="MB"
        ),
        Figure(
            what="of that for one subscriber", value=(idle_bytes - before_bytes) / size / 1000, limit=100, unit="kB"
        ),
    ]
    return Report(circumstances={"subscribers": str(size)}, comparisons=[], figures=figures)


def main() -> int:
    """Measure, tell, and say by the exit status whether every limit was held: 0, or LIMIT_MISSED."""
    parser = argparse.ArgumentParser(description="Many children that follow one node's changes.")
    parser.add_argument("--short", action="store_true", help="a tenth of the subscribers")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the figures there")
    chosen = parser.parse_args()
    report = measured(SUBSCRIBERS // 10 if chosen.short else SUBSCRIBERS)
    print(report.as_markdown())
    if chosen.json:
        chosen.json.write_text(json.dumps(report.as_json(), indent=1) + "\n")
    return 0 if all(figure.is_held for figure in report.figures) else LIMIT_MISSED


if __name__ == "__main__":
    sys.exit(main())
