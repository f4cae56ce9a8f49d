"""Feeds as a client sees them, on a node's web side in memory."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred

from tests.doubles.now import begun
from tests.doubles.wire import Connection
from tests.web.node import WebNode

PATH = "/api/v1/changes"
STREAM = {"Accept": "text/event-stream"}


def followed(node: WebNode, headers: dict[str, str] | None = None, query: str = "") -> Connection:
    """A feed that has begun."""
    connection = node.wire.connect()
    assert connection is not None
    connection.ask("GET", PATH + query, {**STREAM, **(headers or {})})
    node.clock.advance(0)
    return connection


def text_of(connection: Connection) -> str:
    """What a feed has said so far, its chunks joined."""
    _, _, rest = connection.received.partition(b"\r\n\r\n")
    text = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        text += rest[: int(size, 16)]
        rest = rest[int(size, 16) + 2 :]
    return text.decode()


def events_of(connection: Connection) -> list[tuple[str, str, Any]]:
    """Name, id and data of each event so far; comments do not count."""
    found = []
    for block in text_of(connection).split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if fields:
            found.append((fields["event"], fields["id"], json.loads(fields["data"])))
    return found


def short(connection: Connection) -> list[str]:
    """Each event in a few words."""
    return [
        f"{name} {id_.partition(':')[2]}" + (f" {data['project']}" if name == "change" else "")
        for name, id_, data in events_of(connection)
    ]


def drained(node: WebNode, deadline_s: float = 30.0) -> Deferred[int]:
    """The node stops."""
    return begun(node.wire.site.drain(deadline_s))
