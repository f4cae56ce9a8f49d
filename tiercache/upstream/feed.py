"""A change feed as it comes: server-sent events of the HTML standard (section 9.2), read one at a time.

What an event says is decoded here; what follows from it is known in `cache/following`.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TypeVar

import msgspec
from attrs import define, field
from zope.interface import implementer

from tiercache import wire
from tiercache.errors import InvalidName, TierUnreachable
from tiercache.interfaces import FeedEvent, IFeed
from tiercache.policy.hops import MOST_HOPS, NODE_ID
from tiercache.policy.news import Change, Position
from tiercache.simple.names import normalise
from tiercache.upstream.body import Body, body_of
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.page_line import EPOCH
from tiercache.upstream.requests import Reply, Requests
from tiercache.wire import HEARTBEAT_S, LONGEST_EVENT_BYTES, Live

T = TypeVar("T")

SILENCE_S = 3 * HEARTBEAT_S
"""A feed that says nothing for so long, not even that it is well, is taken for dead."""

AHEAD_BYTES = 1
"""While this much waits for the reader nothing more is taken: no more waits than came with one read of the socket."""

ENDLESS_BYTES = 2**63
"""A feed has no end, and so no length: each of its events has."""


@define(kw_only=True)
class _Event:
    """One event as it stands on the wire, so far; `taken_bytes` is its length."""

    name: str = ""
    data: list[str] = field(factory=list)
    taken_bytes: int = 0


@implementer(IFeed)
@define(kw_only=True, eq=False)
class Feed:
    """A feed that has begun: `body` is its answer's.

    `heard_at`: when anything of it was taken last, if only that it is well; seconds since 1970.
    """

    heard_at: float
    _body: Body = field(repr=False)
    _requests: Requests
    _lines: deque[bytes] = field(factory=deque, init=False)
    _rest: bytes = field(default=b"", init=False)  # the beginning of a line
    _ends_in_cr: bool = field(default=False, init=False)
    _is_begun: bool = field(default=False, init=False)
    _last_id: str = field(default="", init=False)
    _event: _Event = field(factory=_Event, init=False)

    @classmethod
    def of(cls, reply: Reply, requests: Requests) -> Feed:
        """The feed that an answer with the type of one is."""
        body = body_of(
            reply.response,
            requests.clock,
            silence_s=SILENCE_S,
            limit_bytes=ENDLESS_BYTES,
            reason_if_larger="its feed is too long",
            ahead_bytes=AHEAD_BYTES,
        )
        return cls(heard_at=reply.received_at, body=body, requests=requests)

    async def read(self) -> FeedEvent:
        try:
            while True:
                while self._lines:
                    event = self._take(self._lines.popleft())
                    if event is not None:
                        return event
                self._split(await self._body.read())
        except Unanswered as failed:
            self.close()
            raise self._requests.unreachable(failed) from None
        except TierUnreachable:
            self.close()
            raise

    def close(self) -> None:
        self._body.close()

    def _split(self, data: bytes) -> None:
        """Lines end in LF, CRLF or CR."""
        if not data:
            raise Unanswered(reason="its feed ended")
        self.heard_at = self._requests.now()
        if not self._is_begun:
            self._is_begun, data = True, data.removeprefix(b"\xef\xbb\xbf")
        if self._ends_in_cr:
            data = data.removeprefix(b"\n")  # the rest of a CRLF
        self._ends_in_cr = data.endswith(b"\r")
        text = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = text.split(b"\n")
        if len(self._rest) > LONGEST_EVENT_BYTES:
            raise Unanswered(reason=_TOO_LONG)
        self._lines.extend(lines)

    def _take(self, line: bytes) -> FeedEvent | None:
        """One line more; the event that it ends, if that is one for us."""
        if not line:
            ended, self._event = self._event, _Event()
            return self._decoded(ended.name, "\n".join(ended.data)) if ended.data else None
        if line.startswith(b":"):
            return None
        self._event.taken_bytes += len(line)
        if self._event.taken_bytes > LONGEST_EVENT_BYTES:
            raise Unanswered(reason=_TOO_LONG)
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._event.name = value
        elif name == "data":
            self._event.data.append(value)
        elif name == "id" and "\0" not in value:
            self._last_id = value
        return None

    def _decoded(self, name: str, data: str) -> FeedEvent | None:
        match name:
            case wire.CHANGE_EVENT:
                return self._change(_read(data, Change))
            case wire.RESET_EVENT:
                _read(data, Position)
                return FeedEvent(position=self._position(), is_reset=True)
            case wire.LIVE_EVENT:
                return self._live(_read(data, Live))
            case _:
                return None  # of a newer node

    def _change(self, change: Change) -> FeedEvent:
        position = self._position()
        if change.serial != position.serial or not math.isfinite(change.at):
            raise Unanswered(reason=_NO_EVENT)
        try:
            is_normalised = not change.project or normalise(change.project) == change.project
        except InvalidName:
            is_normalised = False
        if not is_normalised:
            raise Unanswered(reason=_NO_EVENT)
        return FeedEvent(position=position, change=change)

    def _live(self, live: Live) -> FeedEvent:
        near = {id_: hops for id_, hops in live.live.items() if NODE_ID.fullmatch(id_) and 0 <= hops <= MOST_HOPS}
        return FeedEvent(position=self._position(), live=Live(live=near, reserved=live.reserved))

    def _position(self) -> Position:
        position = Position.parse(self._last_id)
        if position is None or EPOCH.fullmatch(position.epoch) is None:
            raise Unanswered(reason=_NO_EVENT)
        return position


_TOO_LONG = f"its feed has an event of more than {LONGEST_EVENT_BYTES} bytes"
_NO_EVENT = "its feed sends what is no event"


def _read(data: str, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Unanswered(reason=_NO_EVENT) from None
