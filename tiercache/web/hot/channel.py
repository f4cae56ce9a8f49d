"""The front of each connection: whole requests for what is ready are answered at once, all else goes on to the stock
channel, with its bytes, as if nobody had looked at them.

What a client sends while it is being answered waits, and so does it all while the client does not read.
"""

# ruff: noqa: N802  # most names here are Twisted's, which calls them
# twisted.web has few types, and nearly all calls here go to it:
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPullProducer
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure

from tiercache.cache.share import Share
from tiercache.web.channel import tcp
from tiercache.web.hot.emptied import Emptied
from tiercache.web.hot.outlet import IOutlet
from tiercache.web.hot.path import HotAnswer, HotPath, Part
from tiercache.web.hot.readers import FEWEST, Readers
from tiercache.web.hot.sending import FileSending, begun
from tiercache.web.hot.timed import ITimedSite, TimedChannel

PIECE_BYTES = 256 * 1024
"""How much of a body in memory a transport is given at a time."""

AHEAD_BYTES = 16 * 1024
"""With so much waiting behind an answer no more is read."""

MOST_A_TURN = 16
"""So many answers one connection gets before the others have their turn."""


class IFrontSite(ITimedSite, Protocol):
    """The site of such a connection.  `hot` None: nothing is ready there.  `connections`: how many are open.

    `share`: of each turn, for what is not ready.
    """

    hot: HotPath | None
    readers: Readers | None
    connections: int
    share: Share


class FrontChannel(TimedChannel):
    """One connection, with the front before it."""

    site: IFrontSite

    _ahead = b""  # what came behind an answer that is under way
    _is_held = False  # whether nothing is read because of that
    _is_full = False  # whether the transport holds enough
    _body: tuple[HotPath, HotAnswer, int] | None = None  # an answer of which only so much is written
    _sending: FileSending | None = None
    _next_turn: IDelayedCall | None = None
    _is_in_line = False  # until a turn has a share left for it
    _has_waited = False  # for that, and is not to do so again
    _holds_nothing = True  # the transport, of what was written: what comes next may go past it
    _is_emptying = False  # until it does again
    _outlet: IOutlet | None = None
    _place: int | None = None  # among those that `Readers` reads
    _was_quiet = False  # when it was answered last
    _known_peer: object = None  # the transport makes it anew whenever it is asked

    @property
    def is_busy(self) -> bool:
        """Whether a request has begun to arrive, and its answer has not ended."""
        return self._is_answering or super().is_busy

    @property
    def is_idle(self) -> bool:
        """Whether the next byte would be the first of a request, and that is to be answered."""
        return not self._is_answering and super().is_idle

    def dataReceived(self, data: bytes) -> None:
        """See `IProtocol`."""
        if self._is_answering:
            self._let_wait(data)
            return
        if self.site.hot is not None and self.is_idle:
            data = self._answered(self.site.hot, data)
            if not data:
                self.resetTimeout()
                self._note_quiet()
                return
        self.not_ready(data)

    def not_ready(self, data: bytes) -> None:
        """What comes now is not answered from what is ready: it is the stock channel's, in its turn."""
        self._read_by_transport()
        share = self.site.share
        if share.is_used_up and self.is_idle and not self._has_waited:
            self._is_in_line = True
            self._suspend_idle_timeout()
            self._let_wait(data)
            share.wait(self, self._has_a_share)
            return
        self._has_waited = False
        self._holds_nothing = False
        share.spend(partial(super().dataReceived, data))

    def read(self) -> None:
        """See `IReader`."""
        assert self._outlet is not None  # noqa: S101  # or it would not be quiet
        data = self._outlet.receive()
        if data:
            self.dataReceived(data)
        else:
            self._read_by_transport()

    def _note_quiet(self) -> None:
        """All that has come is answered, or on its way: whose turn is it to read what comes next?"""
        is_quiet = self._holds_nothing and self._outlet is not None and not self._is_answering
        if self._place is not None:
            if not is_quiet:
                self._read_by_transport()
        elif not is_quiet:
            self._was_quiet = False
        elif self._was_quiet and self.site.readers is not None and self.site.connections >= FEWEST:
            self._place = self.site.readers.take(self)
        else:
            self._was_quiet = True

    def _read_by_transport(self) -> None:
        self._was_quiet = False
        if self._place is not None and self.site.readers is not None:
            place, self._place = self._place, None
            self.site.readers.give_back(place)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See `IProtocol`."""
        self.site.stalled.forget(self)
        if self._place is not None and self.site.readers is not None:
            self.site.readers.lost(self._place)
            self._place = None
        self.site.share.leave(self)
        self._ahead = b""
        self._is_emptying = self._is_in_line = False
        if self._next_turn is not None:
            self._next_turn.cancel()
            self._next_turn = None
        if self._sending is not None:
            self._sending.stopProducing()
        if self._body is not None:
            (hot, answer, written), self._body = self._body, None
            sent_bytes = max(0, written - len(answer.head))
            hot.note(answer, self._peer, sent_bytes=sent_bytes, ended="cut")
        super().connectionLost(reason)

    @property
    def _peer(self) -> object:
        if self._known_peer is None:
            self._known_peer = self.getPeer()
        return self._known_peer

    @property
    def outlet(self) -> IOutlet | None:
        """See `NodeChannel`."""
        if self._outlet is None and self.site.hot is not None:
            self._outlet = self.site.hot.outlet_of(self.transport)
        return self._outlet

    def emptied(self) -> Deferred[None]:
        """See `NodeChannel`."""
        told: Deferred[None] = Deferred(lambda _: self._take_producer_back())

        def tell() -> None:
            self._take_producer_back()
            told.callback(None)

        assert self._outlet is not None  # noqa: S101  # as who asks has seen
        self._when_emptied(self._outlet, tell)
        return told

    # -- what is ready ----------------------------------------------------------------------------------------

    @property
    def _is_answering(self) -> bool:
        return self._sending is not None or self._body is not None or self._is_emptying or bool(self._ahead)

    def _answered(self, hot: HotPath, data: bytes) -> bytes:
        """Answer what is ready; what is left is not, or not known to be."""
        has_outlet = self.outlet is not None
        at = answered = 0
        while at < len(data):
            if self._is_full or self._is_answering or answered == MOST_A_TURN:
                self._let_wait(data[at:])
                if answered == MOST_A_TURN and self._next_turn is None:
                    self._next_turn = self.callLater(0, self._take_turn)
                return b""
            answer = hot.answer(data, at, self._peer, has_outlet=has_outlet)
            if answer is None:
                return data[at:]
            self._send(hot, answer)
            at = answer.end
            answered += 1
        return b""

    def _send(self, hot: HotPath, answer: HotAnswer) -> None:
        if answer.part is not None:
            self._send_file(hot, answer, answer.part)
            return
        whole = answer.prepared.whole if answer.has_body else answer.head
        if len(whole) > PIECE_BYTES:
            self._body = hot, answer, 0
            self._write_on()
            return
        self._write(whole)
        hot.note(answer, self._peer, sent_bytes=len(whole) - len(answer.head))

    def _write(self, data: bytes) -> None:
        """Past the transport while it holds nothing, or as much as the socket takes; the rest is the transport's."""
        if self._holds_nothing and self._outlet is not None:
            taken = self._outlet.write(data)
            if taken == len(data):
                return
            data = data[taken:]
        self._have_held(data)
        if not self._is_full and self._outlet is not None and not self._is_emptying:
            self._wait_until_emptied(self._outlet)

    def _have_held(self, data: bytes) -> None:
        self._holds_nothing = False
        tcp(self.transport).write(data)

    def _wait_until_emptied(self, outlet: IOutlet) -> None:
        self._suspend_idle_timeout()
        self.site.stalled.touch(self)
        self._is_emptying = True
        self._when_emptied(outlet, self._has_emptied)

    def _has_emptied(self) -> None:
        self._is_emptying = False
        self.site.stalled.forget(self)
        self._restore_idle_timeout()
        self._take_producer_back()
        self._holds_nothing = True
        self._write_on()
        self._go_on()

    def _when_emptied(self, outlet: IOutlet, act: Callable[[], None]) -> None:
        """Call `act` once the transport holds nothing; it tells nobody meanwhile that it holds enough."""
        self._give_producer(Emptied(act))
        outlet.wait()

    def _give_producer(self, producer: IPullProducer) -> None:
        """Have the transport ask for more instead of telling when it holds enough."""
        transport = cast("Any", self.transport)
        transport.unregisterProducer()  # this channel
        transport.registerProducer(producer, False)

    def _take_producer_back(self) -> None:
        transport = cast("Any", self.transport)
        transport.unregisterProducer()
        transport.registerProducer(self, True)

    def _write_on(self) -> None:
        """Write what there is of a large body, for as long as the client takes it, or the transport does."""
        while self._body is not None and not self._is_full and not self._is_emptying:
            hot, answer, written = self._body
            rest = memoryview(answer.prepared.whole)[written:]
            outlet = self._outlet if self._holds_nothing else None
            taken = 0 if outlet is None else outlet.write(rest)
            piece = rest[: taken or PIECE_BYTES]
            is_last = len(piece) == len(rest)
            self._body = None if is_last else (hot, answer, written + len(piece))
            if not taken:
                self._write(bytes(piece))
            elif outlet is not None and not is_last:
                self._wait_until_emptied(outlet)
            if is_last:
                hot.note(answer, self._peer, sent_bytes=len(answer.prepared.whole) - len(answer.head))

    def _send_file(self, hot: HotPath, answer: HotAnswer, part: Part) -> None:
        outlet = self._outlet
        assert outlet is not None  # noqa: S101  # or there would be no part
        begun_at = hot.clock.seconds()
        taken = self._begin(outlet, answer.head, part)
        if taken == part.stop - part.start:
            hot.descriptors.give_back(part.held)
            hot.note(answer, self._peer, sent_bytes=taken, seconds=hot.clock.seconds() - begun_at)
            return
        self._sending = sending = FileSending(
            outlet=outlet,
            held=part.held,
            start=part.start,
            stop=part.stop,
            sent_bytes=taken,
            progress=partial(self.site.stalled.touch, self),
            ended=lambda is_whole: self._file_has_ended(hot, answer, begun_at, is_whole=is_whole),
        )
        if self._holds_nothing:
            sending.turn()
        if not sending.is_over:
            self._suspend_idle_timeout()
            self.site.stalled.touch(self)
            self._give_producer(sending)

    def _begin(self, outlet: IOutlet, head: bytes, part: Part) -> int:
        """Write the head of a file; how much of the file left with it."""
        taken = begun(outlet, head, part.held, part.start, part.stop) if self._holds_nothing else 0
        if taken < len(head):
            self._have_held(head[taken:])
        return max(0, taken - len(head))

    def _file_has_ended(self, hot: HotPath, answer: HotAnswer, begun_at: float, *, is_whole: bool) -> None:
        sending, self._sending = self._sending, None
        assert sending is not None  # noqa: S101  # it ends once
        hot.descriptors.give_back(sending.held)
        self.site.stalled.forget(self)
        hot.note(
            answer,
            self._peer,
            sent_bytes=sending.sent_bytes,
            seconds=hot.clock.seconds() - begun_at,
            ended="whole" if is_whole else "cut",
        )
        self._holds_nothing = is_whole
        if not is_whole:
            tcp(self.transport).abortConnection()  # so that what was sent never looks complete
        elif sending.is_registered:
            self._take_producer_back()
            self._restore_idle_timeout()
            if self._is_full:
                self.resumeProducing()  # it was the head that filled it
            else:
                self._go_on()

    # -- what waits -------------------------------------------------------------------------------------------

    def _let_wait(self, data: bytes) -> None:
        self._ahead += data
        if len(self._ahead) > AHEAD_BYTES:
            self._is_held = True
            self._read_by_transport()
            cast("Any", self.transport).pauseProducing()

    def _take_turn(self) -> None:
        self._next_turn = None
        if not self._is_full:
            self._go_on()

    def _has_a_share(self) -> None:
        self._is_in_line = False
        self._has_waited = True
        self._restore_idle_timeout()
        self.dataReceived(self._taken_up())
        self._has_waited = False

    def _taken_up(self) -> bytes:
        """What has waited, which is looked at now; more of it may come."""
        ahead, self._ahead = self._ahead, b""
        if self._is_held:
            self._is_held = False
            cast("Any", self.transport).resumeProducing()
        return ahead

    def _go_on(self) -> None:
        """An answer has ended, or the client has read: on with what came behind."""
        if self._sending is not None or self._body is not None or self._next_turn is not None:
            return
        if self._is_emptying or self._is_in_line:
            return
        ahead = self._taken_up()
        if self.is_closing and not self.is_busy:
            self.loseConnection()
        elif ahead:
            self.dataReceived(ahead)

    def pauseProducing(self) -> None:
        """The transport holds enough."""
        self._read_by_transport()
        super().pauseProducing()
        self._is_full = True
        if not self.requests:  # whose answers have deadlines of their own
            self._suspend_idle_timeout()
            self.site.stalled.touch(self)

    def resumeProducing(self) -> None:
        """The transport has passed on all that it held."""
        super().resumeProducing()
        self._is_full = False
        self._holds_nothing = not self.requests
        self.site.stalled.forget(self)
        self._restore_idle_timeout()
        self._write_on()
        if not self._is_full:
            self._go_on()
