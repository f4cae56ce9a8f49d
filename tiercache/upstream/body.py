"""The body of a response, read at the reader's pace: silence deadline, byte limit, backpressure.

Push becomes pull here.  What the bytes mean, and whether there are as many as stated, is known elsewhere.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse

from tiercache.policy.retry import Fault
from tiercache.upstream.failure import Unanswered

LARGEST_READ_BYTES = 2**20
PAUSE_AT_BYTES = 2**20
LEAVINGS_BYTES = 2**16
LEAVINGS_S = 5.0


class Body(Protocol):
    """One response's body.  `ends_by_close` tells that only the end of the connection marked its end.

    Such an end cannot be told from a connection that broke (RFC 9112 section 8): the reader has to know better.
    Once `ahead_bytes` wait for the reader, nothing more is taken from the connection.
    """

    def __init__(
        self,
        clock: IReactorTime,
        *,
        silence_s: float,
        limit_bytes: int,
        reason_if_larger: str,
        whole_s: float | None = None,
        ahead_bytes: int = PAUSE_AT_BYTES,
    ) -> None:
        self.ends_by_close = False
        self._pause_at_bytes = ahead_bytes
        self._resume_at_bytes = ahead_bytes // 2
        self._clock = clock
        self._silence_s = silence_s
        self._whole_s = whole_s
        self._limit_bytes = limit_bytes
        self._reason_if_larger = reason_if_larger
        self._taken_bytes = 0
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._paused = False
        self._ended = False
        self._failure: Unanswered | None = None
        self._silence: IDelayedCall | None = None
        self._whole: IDelayedCall | None = None
        self._reader: Deferred[None] | None = None
        self._producer: IPushProducer  # from `connectionMade` on, which is the first call

    # -- the reader's side

    async def read(self) -> bytes:
        """The next bytes, at most `LARGEST_READ_BYTES`, or b"" after the last.  For one reader.

        Raises Unanswered when the body breaks off, falls silent or is larger than allowed, after all that came.
        """
        return b"".join(await self.pieces())

    async def pieces(self) -> list[bytes]:
        """The same as it came, without a copy; none after the last."""
        while not self._held:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                return []
            self._reader = Deferred()
            await self._reader
        taken: list[bytes] = []
        room = LARGEST_READ_BYTES
        while self._held and room:
            chunk = self._held.popleft()
            if len(chunk) > room:
                self._held.appendleft(chunk[room:])
                chunk = chunk[:room]
            taken.append(chunk)
            room -= len(chunk)
        self._held_bytes -= LARGEST_READ_BYTES - room
        if self._paused and self._held_bytes <= self._resume_at_bytes:
            self._paused = False
            self._listen()
            self._producer.resumeProducing()
        return taken

    def close(self) -> None:
        """Give the body up, and with it the connection unless all has come; harmless after the end.

        What is read afterwards is never an end that looks complete.
        """
        given_up = Unanswered(reason="its answer was given up here")
        if self._held:
            self._held.clear()
            self._held_bytes = 0
            self._failure = given_up
        self._stop(given_up)

    # -- the connection's side

    def connectionMade(self) -> None:  # noqa: N802 -- Twisted's name
        self._producer = IPushProducer(self.transport)
        self._listen()
        if self._whole_s is not None:
            self._whole = self._clock.callLater(self._whole_s, self._took_too_long)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 -- Twisted's name
        if self._ended:
            return
        self._taken_bytes += len(data)
        if self._taken_bytes > self._limit_bytes:
            self._stop(Unanswered(reason=self._reason_if_larger))
            return
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= self._pause_at_bytes:
            if not self._paused:
                self._paused = True
                self._rest()
                self._producer.pauseProducing()
        elif self._silence is not None:
            self._silence.reset(self._silence_s)
        self._wake()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 -- Twisted's name
        if self._ended:
            return
        self.ends_by_close = isinstance(reason.value, PotentialDataLoss)
        complete = isinstance(reason.value, ResponseDone | PotentialDataLoss)
        self._end(None if complete else Unanswered(reason="its answer broke off", fault=Fault.BROKEN))

    def _fell_silent(self) -> None:
        self._silence = None
        self._stop(Unanswered(reason=f"it fell silent for {self._silence_s:g} s", fault=Fault.SILENCE))

    def _took_too_long(self) -> None:
        self._whole = None
        self._stop(Unanswered(reason=f"it did not end within {self._whole_s:g} s", fault=Fault.SILENCE))

    def _stop(self, failure: Unanswered) -> None:
        if not self._ended:
            self._end(failure)
            # Not `loseConnection`: under TLS that waits for the peer's farewell, which a paused connection never reads.
            self._producer.stopProducing()

    def _end(self, failure: Unanswered | None) -> None:
        self._ended = True
        self._failure = failure
        self._rest()
        whole, self._whole = self._whole, None
        if whole is not None:
            whole.cancel()
        self._wake()

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.callback(None)

    def _listen(self) -> None:
        if not self._ended:
            self._silence = self._clock.callLater(self._silence_s, self._fell_silent)

    def _rest(self) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.cancel()


def body_of(
    response: IResponse,
    clock: IReactorTime,
    *,
    silence_s: float,
    limit_bytes: int,
    reason_if_larger: str,
    ahead_bytes: int = PAUSE_AT_BYTES,
) -> Body:
    """Begin to take a response's body.  Raises Unanswered at once where its stated length is over the limit."""
    body = Body(
        clock,
        silence_s=silence_s,
        limit_bytes=limit_bytes,
        reason_if_larger=reason_if_larger,
        ahead_bytes=ahead_bytes,
    )
    too_large = response.length is not UNKNOWN_LENGTH and response.length > limit_bytes
    _deliver(response, body)
    if too_large:
        body.close()
        raise Unanswered(reason=reason_if_larger)
    return body


async def read_whole(body: Body) -> bytes:
    """All of a body, whose limit bounds it; the body is closed whatever happens.  Raises Unanswered."""
    pieces = []
    try:
        while piece := await body.read():
            pieces.append(piece)
    finally:
        body.close()
    return b"".join(pieces)


def let_go(response: IResponse, clock: IReactorTime) -> None:
    """Do without a response's body: a short one is read to its end, which saves the connection, a long one is not."""
    leavings = Body(
        clock, silence_s=LEAVINGS_S, limit_bytes=LEAVINGS_BYTES, reason_if_larger="not wanted", whole_s=LEAVINGS_S
    )
    _deliver(response, leavings)
    if response.length is not UNKNOWN_LENGTH and response.length > LEAVINGS_BYTES:
        leavings.close()


def _deliver(response: IResponse, body: Body) -> None:
    response.deliverBody(body)
