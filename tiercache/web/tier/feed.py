"""The change feed to the nodes below: one reader of the journal, and any number of subscribers.

Each event is encoded once, into a log of the newest ones; a subscriber is little more than how far it has come in that
log.  One that is new, or has fallen out of the log, is told from the journal what it missed.  Nobody holds anything for
a subscriber that does not read: it is told when it has room, and dropped when it has had none for too long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.signal import Signal
from tiercache.errors import TiercacheError
from tiercache.interfaces import FeedEvent
from tiercache.policy.news import Position
from tiercache.web.tier.events import HEARTBEAT, change_event, live_event, reset_event
from tiercache.wire import HEARTBEAT_S, Changes, Live

KEPT_EVENTS = 10_000
"""The log's length: a flood as long costs no subscriber a look into the journal."""

PIECE_EVENTS = 256
"""How many events a subscriber is given at a time, so that its pauses are soon noticed."""

TURN_SUBSCRIBERS = 200
"""How many are told in one turn of the reactor, so that other requests are answered in between."""

log = Logger()


class ISubscription(Protocol):
    """The journal's news, one after the other."""

    async def read(self) -> FeedEvent:
        """The next event, the present `live` first.  Raises TiercacheError when the reader is too far behind."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class IJournal(Protocol):
    """What the feed needs of the journal."""

    @property
    def position(self) -> Position:
        """Where it is."""
        ...

    @property
    def told(self) -> Position:
        """How far those who listen have been told: what stands behind that will be news to them."""
        ...

    def changes(self, since: Position) -> Changes:
        """What came after a position."""
        ...

    def subscribe(self, since: Position | None) -> ISubscription:
        """Its news from a position on, or from now."""
        ...


class ISubscriber(Protocol):
    """Who is told, as the feed sees it: `place` is its own."""

    place: Place

    def advance(self) -> None:
        """Something has been told: take what there is room for."""
        ...


@frozen
class _Told:
    """One event of the log; `live` where it is one."""

    position: Position
    encoded: bytes
    live: Live | None = None


@define
class Place:
    """How far a subscriber has come: it has all up to `position`, and the next for it is number `next` of the log.

    `next` None: it is to be told from the journal first.  `is_ahead`: the journal told it more than the log knew then.
    """

    position: Position | None
    next: int | None = None
    is_ahead: bool = False


@define(kw_only=True, eq=False)
class Feed:
    """The feed of one node.  Nothing happens before somebody subscribes or waits."""

    _journal: IJournal
    _clock: IReactorTime
    _kept_events: int = KEPT_EVENTS
    _log: deque[_Told] = field(factory=deque, init=False)
    _first: int = field(default=0, init=False)  # the number of the oldest event in the log
    _live: Live | None = field(default=None, init=False)
    _heard_at: Position | None = field(default=None, init=False)
    _subscribers: dict[ISubscriber, None] = field(factory=dict, init=False)
    _round: Iterator[ISubscriber] | None = field(default=None, init=False)
    _is_behind: bool = field(default=False, init=False)  # events came since the round began
    _heartbeat: IDelayedCall | None = field(default=None, init=False)
    _changed: Signal = field(factory=Signal, init=False)
    _following: Deferred[None] | None = field(default=None, init=False)
    _joined: tuple[int, int, bytes] = field(default=(0, 0, b""), init=False)

    @property
    def subscribers(self) -> int:
        """How many there are."""
        return len(self._subscribers)

    def subscribe(self, subscriber: ISubscriber) -> None:
        """Let a subscriber advance whenever there is something to tell, from its place on."""
        self._begin()
        self._subscribers[subscriber] = None
        if self._heartbeat is None:
            self._heartbeat = self._clock.callLater(HEARTBEAT_S, self._beat)

    def unsubscribe(self, subscriber: ISubscriber) -> None:
        """Tell it nothing more; harmless twice."""
        self._subscribers.pop(subscriber, None)
        if not self._subscribers and self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None

    def change(self) -> Deferred[None]:
        """Fires at the next change; cancelling it is harmless to others."""
        self._begin()
        return self._changed.wait()

    def stop(self) -> None:
        """Read the journal no more."""
        if self._following is not None:
            self._following.cancel()

    def after(self, place: Place) -> bytes:
        """The next piece for who is at this place, which moves on; b"" where there is none yet."""
        if place.next is None or place.next < self._first:
            return self._from_journal(place)
        start, end = place.next, min(place.next + PIECE_EVENTS, self._end)
        if start == end:
            return b""
        place.next = end
        last = self._log[end - 1 - self._first]
        if place.is_ahead and place.position is not None:
            return self._not_known_to(place, start, end, last.position)
        place.position = last.position
        if self._joined[:2] != (start, end):  # nearly all subscribers are at the same place
            self._joined = start, end, b"".join(told.encoded for told in self._between(start, end))
        return self._joined[2]

    # -- telling ----------------------------------------------------------------------------------------------

    @property
    def _end(self) -> int:
        return self._first + len(self._log)

    def _between(self, start: int, end: int) -> Iterator[_Told]:
        return islice(self._log, start - self._first, end - self._first)

    def _not_known_to(self, place: Place, start: int, end: int, last: Position) -> bytes:
        """The events of the log, without the changes that the journal has told already."""
        assert place.position is not None  # noqa: S101  # who is ahead is somewhere
        reached, pieces = place.position, []
        for told in self._between(start, end):
            if told.live is not None:
                pieces.append(live_event(max(told.position, reached, key=_serial), told.live))
            elif told.position.serial > reached.serial:
                pieces.append(told.encoded)
        if last.serial >= reached.serial:
            place.position, place.is_ahead = last, False
        return b"".join(pieces)

    def _from_journal(self, place: Place) -> bytes:
        """What was missed, as much as the journal tells at a time; with the last of it comes what is live."""
        pieces: list[bytes] = []
        newest = self._journal.told
        if place.position is None:
            reached = newest
        else:
            missed = self._journal.changes(place.position)
            if missed.reset:
                reached = Position(epoch=missed.epoch, serial=missed.serial)
                pieces.append(reset_event(reached))
            elif missed.changes:
                pieces += [change_event(missed.epoch, change) for change in missed.changes]
                reached = Position(epoch=missed.epoch, serial=missed.changes[-1].serial)
            else:
                reached = place.position
        place.position = reached
        if reached.serial >= newest.serial:
            place.next = self._end
            place.is_ahead = self._heard_at is None or self._heard_at.serial < reached.serial
            if self._live is not None:
                pieces.append(live_event(reached, self._live))
        return b"".join(pieces)

    def _tell(self, told: _Told) -> None:
        self._log.append(told)
        while len(self._log) > self._kept_events:
            self._log.popleft()
            self._first += 1
        if self._heartbeat is not None:
            self._heartbeat.reset(HEARTBEAT_S)
        self._rouse()

    def _rouse(self) -> None:
        if self._round is None:
            self._begin_round()
        else:
            self._is_behind = True

    def _begin_round(self) -> None:
        self._round, self._is_behind = iter(list(self._subscribers)), False
        self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        assert self._round is not None  # noqa: S101  # there is no turn without a round
        told = 0
        for subscriber in islice(self._round, TURN_SUBSCRIBERS):
            told += 1
            if subscriber in self._subscribers:
                self._advance(subscriber)
        if told == TURN_SUBSCRIBERS:
            self._clock.callLater(0, self._turn)
        elif self._is_behind:
            self._begin_round()
        else:
            self._round = None

    def _advance(self, subscriber: ISubscriber) -> None:
        try:
            subscriber.advance()
        except Exception:  # noqa: BLE001  # one that breaks must not keep the others from their news
            log.failure("a subscriber cannot be told anything")
            self.unsubscribe(subscriber)

    def _beat(self) -> None:
        self._heartbeat = self._clock.callLater(HEARTBEAT_S, self._beat)
        self._tell(_Told(self._heard_at or self._journal.position, HEARTBEAT))

    # -- hearing ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._following is None:
            self._following = ensureDeferred(self._follow())
            self._following.addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        self._following = None
        if failure.check(CancelledError) is None:
            log.failure("the journal is read no more", failure)

    async def _follow(self) -> None:
        while True:
            subscription = self._journal.subscribe(None)
            try:
                while True:
                    self._hear(await subscription.read())
            except TiercacheError as error:
                log.warn("the journal is read anew: {error}", error=error)
            finally:
                subscription.close()
            await deferLater(self._clock, 0)
            self._forget()

    def _hear(self, event: FeedEvent) -> None:
        self._heard_at = event.position
        if event.is_reset:
            self._forget()
        elif event.change is not None:
            self._tell(_Told(event.position, change_event(event.position.epoch, event.change)))
            self._changed.fire()
        elif event.live is not None:
            self._live = event.live
            self._tell(_Told(event.position, live_event(event.position, event.live), event.live))

    def _forget(self) -> None:
        """Something was missed: everybody is told from the journal."""
        self._first = self._end + 1
        self._log.clear()
        self._rouse()


def _serial(position: Position) -> int:
    return position.serial
