"""Sends a body to a client at the client's own pace, and makes sure that a broken one never looks complete.

Nothing here knows what the bytes are.  At most one chunk of the body and one transport buffer are held per client.
"""

# ruff: noqa: N802  # the names of IPushProducer

from __future__ import annotations

from typing import cast

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime, ITCPTransport
from twisted.logger import Logger
from twisted.web.server import Request
from zope.interface import implementer

from tiercache.cache.body import IBody, IFileBody
from tiercache.errors import TiercacheError
from tiercache.web.channel import NodeChannel

TURN_BYTES = 4 * 1024 * 1024  # of a file, before other clients have their turn
PIECE_BYTES = 64 * 1024  # handed to the transport at a time, so that its pauses are soon noticed

log = Logger()


@define
class BytesBody:
    """A body that is in memory, given in pieces: a stalled client then holds a reference to it, and no copy."""

    _data: bytes
    _at: int = field(default=0, init=False)

    async def read(self) -> bytes:
        """The next piece, or b"" after the last."""
        piece = self._data[self._at : self._at + PIECE_BYTES]
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Forget the rest."""
        self._at = len(self._data)


@implementer(IPushProducer)
@define(kw_only=True, eq=False)
class Outflow:
    """What the transport tells when it is full and when it has room, and the deadline of a client that takes nothing.

    HTTPChannel suspends its own timeout while a request is answered, so a client that stalls is noticed here alone.
    """

    _request: Request
    _clock: IReactorTime
    _write_timeout_s: float
    _is_full: bool = field(default=False, init=False)
    _room: Deferred[None] | None = field(default=None, init=False)
    _deadline: IDelayedCall | None = field(default=None, init=False)

    def pauseProducing(self) -> None:
        """The transport holds enough: wait, though not for ever."""
        if not self._is_full:
            self._is_full = True
            self._deadline = self._clock.callLater(self._write_timeout_s, self._drop)

    def resumeProducing(self) -> None:
        """The transport has passed on all that it held."""
        self._is_full = False
        self.end()
        room, self._room = self._room, None
        if room is not None:
            room.callback(None)

    def stopProducing(self) -> None:
        """The connection is gone; whoever waits for room is cancelled with the request."""
        self.end()

    @property
    def is_full(self) -> bool:
        """Whether the transport holds enough."""
        return self._is_full

    async def room(self) -> None:
        """Return when the transport takes more.  At most one may wait."""
        if self._is_full:
            self._room = Deferred()
            await self._room

    def end(self) -> None:
        """Let the deadline go."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None

    def _drop(self) -> None:
        log.info(
            "{client} took nothing for {timeout_s} s and is dropped",
            client=self._request.getClientAddress(),
            timeout_s=self._write_timeout_s,
        )
        abort(self._request)


def abort(request: Request) -> None:
    """Cut the connection, so that neither length nor last chunk ever makes what was sent look complete."""
    cast("ITCPTransport", request.transport).abortConnection()


async def first_of(request: Request, body: IBody) -> bytes | None:
    """The first bytes of a body; None where they lie in a file, to be sent from there.  Raises as the body does.

    Many clients may wait behind one fill, and a trip to the pool for each of them would be before their first byte.
    """
    in_file = _in_file(body)
    if in_file is not None and cast("NodeChannel", request.channel).outlet is not None:
        stretch = await in_file.stretch()
        if stretch is not None:
            stretch.close()
            return None
    return await body.read()


async def send_body(
    request: Request, first: bytes | None, body: IBody, clock: IReactorTime, write_timeout_s: float
) -> None:
    """Send `first` (`first_of`), then the rest of `body`, whose head is set on the request; close it in any case.

    If the rest cannot be had the connection is aborted, and this waits until it is gone: the caller (Klein) then
    finds nothing to finish.  A client that leaves cancels this.
    """
    outflow = Outflow(request=request, clock=clock, write_timeout_s=write_timeout_s)
    request.registerProducer(outflow, True)
    try:
        in_file, data = _in_file(body), first
        while data is None or data:
            if data is None:
                request.write(b"")  # the head
            else:
                await _write(request, data, outflow)
            if in_file is not None and not request.chunked:
                await _send_past_python(request, in_file, outflow)
            data = await body.read()
    except CancelledError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, what was sent must not look complete
        _log_cut(request, error)
        abort(request)
        if _is_connected(request):
            await request.notifyFinish()
    finally:
        body.close()
        outflow.end()
        if _is_connected(request):
            request.unregisterProducer()


def _in_file(body: IBody) -> IFileBody | None:
    return cast("IFileBody", body) if hasattr(body, "stretch") else None  # `isinstance` of a protocol takes 15 us


async def _write(request: Request, data: bytes, outflow: Outflow) -> None:
    for at in range(0, len(data), PIECE_BYTES):
        request.write(data[at : at + PIECE_BYTES])
        await outflow.room()


async def _send_past_python(request: Request, body: IFileBody, outflow: Outflow) -> None:
    """Send from its file what lies in one and may be sent so, for as long as there is some."""
    channel = cast("NodeChannel", request.channel)
    outlet, holds_nothing = channel.outlet, False
    while outlet is not None and (stretch := await body.stretch()) is not None:
        at, taken = stretch.start, None
        try:
            while at < stretch.stop and taken != 0:
                if not holds_nothing:
                    outflow.pauseProducing()
                    await channel.emptied()
                    outflow.resumeProducing()
                taken = outlet.send(stretch.descriptor, at, min(TURN_BYTES, stretch.stop - at))
                at += taken or 0
                holds_nothing = at == stretch.stop  # else others have their turn, and it has time to take more
        except OSError:
            abort(request)
            await request.notifyFinish()  # whose end cancels this
        finally:
            stretch.close()
        request.sentLength += at - stretch.start
        body.passed(at - stretch.start)


def _is_connected(request: Request) -> bool:
    return getattr(request, "channel", None) is not None


def _log_cut(request: Request, error: Exception) -> None:
    path = request.path.decode("ascii", "replace")
    if isinstance(error, TiercacheError):
        log.warn("{path}: cut off after {sent} bytes: {error}", path=path, sent=request.sentLength, error=str(error))
    else:
        log.failure("{path}: cut off after {sent} bytes", path=path, sent=request.sentLength)
