"""The events of a change feed as they stand on the wire (server-sent events of the HTML standard).  Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from tiercache.policy.news import Change, Position
from tiercache.wire import CHANGE_EVENT, LIVE_EVENT, RESET_EVENT, Live

HEARTBEAT = b":\n\n"
"""A comment, which says nothing but that the feed is well."""

_ENCODER = msgspec.json.Encoder()


def change_event(epoch: str, change: Change) -> bytes:
    """A change; a reader that has it is at its serial."""
    return _event(CHANGE_EVENT, Position(epoch=epoch, serial=change.serial), change)


def reset_event(position: Position) -> bytes:
    """What came before this position is not known any more."""
    return _event(RESET_EVENT, position, position)


def live_event(position: Position, live: Live) -> bytes:
    """Whose news the feed brings from now on."""
    return _event(LIVE_EVENT, position, live)


def _event(name: str, position: Position, data: Any) -> bytes:
    # JSON in one line: no data of ours can begin a line, and so an event, of its own.
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), str(position).encode(), _ENCODER.encode(data))
