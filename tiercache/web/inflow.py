"""A request body as it comes: read by its route while it arrives, at the pace of whoever takes it in.

The listening side (`server`) puts bytes in, and is told to stop reading from the client while enough of them wait.
What the bytes mean is the route's affair; how many there may be, and how slowly they may come, is told here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.web.server import Request
from zope.interface import Interface, implementer

from tiercache.errors import BodyStalled, BodyTooLarge

PIECE_BYTES = 256 * 1024
"""What is handed over at a time, the last piece excepted; when so much waits, no more is read from the client."""

LEAST_BYTES_PER_S = 1024
"""A body that comes more slowly than this, over one `timeout_s`, is given up."""


class IInflow(Interface):
    """Under this a request keeps its body."""


@implementer(IInflow)
@define(kw_only=True, eq=False)
class Inflow:
    """The body of one request, for one reader.

    `stated_bytes`: its length as the head has it, None for one in chunks.  `pause` and `resume` are about reading from
    the client; `begin` is called once, when somebody wants the body (RFC 9110 section 10.1.1).
    """

    stated_bytes: int | None
    limit_bytes: int
    _timeout_s: float
    _call_later: Callable[..., IDelayedCall]
    _pause: Callable[[], object]
    _resume: Callable[[], object]
    _begin: Callable[[], object]
    _held: list[bytes] = field(factory=list, init=False)
    _held_bytes: int = field(default=0, init=False)
    _received_bytes: int = field(default=0, init=False)
    _has_begun: bool = field(default=False, init=False)
    _is_ended: bool = field(default=False, init=False)
    _is_paused: bool = field(default=False, init=False)
    _error: Exception | None = field(default=None, init=False)
    _waiting: Deferred[None] | None = field(default=None, init=False)
    _watch: IDelayedCall | None = field(default=None, init=False)

    @property
    def received_bytes(self) -> int:
        """How much of it has come."""
        return self._received_bytes

    @property
    def is_ended(self) -> bool:
        """Whether all of it has come."""
        return self._is_ended

    async def read(self) -> bytes:
        """The next piece, b"" after the last.  Raises BodyTooLarge, BodyStalled."""
        if (self.stated_bytes or 0) > self.limit_bytes:
            raise BodyTooLarge(limit_bytes=self.limit_bytes)
        if not self._has_begun:
            self._has_begun = True
            self._begin()
            self._watch_on()
        while self._held_bytes < PIECE_BYTES and not self._is_ended and self._error is None:
            self._waiting = Deferred()
            await self._waiting
        if self._error is not None:
            raise self._error
        piece = b"".join(self._held)
        self._held.clear()
        self._held_bytes = 0
        if self._is_paused:
            self._is_paused = False
            self._watch_on()
            self._resume()
        return piece

    # -- what the listening side calls ------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """A part of it has come."""
        if self._error is not None:
            return
        self._received_bytes += len(data)
        if self._received_bytes > self.limit_bytes:
            self._fail(BodyTooLarge(limit_bytes=self.limit_bytes))
            return
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= PIECE_BYTES:
            self._is_paused = True
            self._watch_off()
            self._pause()
            self._wake()

    def end(self) -> None:
        """All of it has come."""
        self._is_ended = True
        self._watch_off()
        self._wake()

    def close(self) -> None:
        """Nobody wants it any more."""
        self._held.clear()
        self._watch_off()

    # -- how --------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        self._error = error
        self.close()
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)

    def _watch_on(self) -> None:
        if not self._is_ended and self._error is None:
            self._watch_off()
            self._watch = self._call_later(self._timeout_s, self._look, self._received_bytes)

    def _watch_off(self) -> None:
        if self._watch is not None and self._watch.active():
            self._watch.cancel()
        self._watch = None

    def _look(self, before_bytes: int) -> None:
        came_bytes = self._received_bytes - before_bytes
        if came_bytes < LEAST_BYTES_PER_S * self._timeout_s:
            self._fail(BodyStalled())
        else:
            self._watch_on()


def inflow_of(request: Request) -> Inflow | None:
    """The body of a request whose route runs while it comes; None where it was all there before."""
    return cast("Inflow | None", request.getComponent(IInflow))


async def next_piece(request: Request) -> bytes:
    """The next piece of a request's body, however it comes; b"" after the last.  Raises as `Inflow.read`."""
    inflow = inflow_of(request)
    if inflow is not None:
        return await inflow.read()
    return b"" if request.content is None else request.content.read(PIECE_BYTES)
