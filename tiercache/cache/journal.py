"""The journal: the ordered record of what changed on this node, and everybody who is told of it as it happens.

What is recorded is in the catalogue; nobody else appends to it, so that who listens misses nothing.  What news means
is `policy.news`' and `policy.vouching`'s word; how it travels is `web`'s affair, and who hears that of others
`follower`'s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from attrs import define, evolve, field

from tiercache.cache.origins import KEPT_ORIGINS, Origins
from tiercache.cache.signal import Signal
from tiercache.errors import ReaderBehind
from tiercache.interfaces import FeedEvent, ICatalogue, NewChange
from tiercache.policy.news import Change, Position
from tiercache.wire import MOST_CHANGES, Changes, Live

MOST_BEHIND = 1000
"""So many events wait for one who listens; one that does not come for them is cut."""


@define(kw_only=True, eq=False)
class Subscription:
    """One who listens: what was missed, then what is live, then everything as it comes.

    `position`: of what was given to it last.
    """

    _journal: Journal
    _position: Position
    _events: deque[FeedEvent] = field(factory=deque, init=False)
    _is_behind: bool = field(default=True, init=False)  # it is still told what it missed
    _is_cut: bool = field(default=False, init=False)
    _more: Signal = field(factory=Signal, init=False)

    async def read(self) -> FeedEvent:
        """The next event.  Raises ReaderBehind, once all is read that came before it was cut."""
        while not self._events:
            if self._is_cut:
                raise ReaderBehind(limit=MOST_BEHIND)
            if self._is_behind:
                self._catch_up()
            else:
                await self._more.wait()
        return self._events.popleft()

    def close(self) -> None:
        """Listen no more; harmless twice."""
        self._journal.leave(self)

    def tell(self, event: FeedEvent) -> None:
        """Something has happened."""
        if self._is_behind or self._is_cut:
            return  # it will be found in the journal; what is live is told at the end of that
        if event.change is not None and event.position.serial <= self._position.serial:
            return  # as it was found there
        if len(self._events) >= MOST_BEHIND:
            self._is_cut = True
            self.close()
        else:
            self._position = event.position
            self._events.append(event)
        self._more.fire()

    def _catch_up(self) -> None:
        missed = self._journal.changes(self._position)
        if missed.reset:
            self._position = Position(epoch=missed.epoch, serial=missed.serial)
            self._events.append(FeedEvent(position=self._position, is_reset=True))
        elif missed.changes:
            self._events.extend(_event(missed.epoch, change) for change in missed.changes)
            self._position = self._events[-1].position
        else:
            self._is_behind = False
            self._events.append(FeedEvent(position=self._position, live=self._journal.state))


@define(kw_only=True, eq=False)
class Journal:
    """The journal of a node, whose id is `node_id`."""

    _catalogue: ICatalogue
    _now: Callable[[], float]
    _node_id: str = ""
    _live: Mapping[str, int] = field(init=False)
    _reserved: str = field(default="", init=False)
    _told: Position = field(init=False)
    _origins: Origins = field(init=False)
    _subscriptions: dict[Subscription, None] = field(factory=dict, init=False)

    @_live.default
    def _itself(self) -> Mapping[str, int]:
        return {self._node_id: 0} if self._node_id else {}

    @_told.default
    def _begun_at(self) -> Position:
        return self.position

    @_origins.default
    def _known(self) -> Origins:
        origins = Origins()
        origins.note(_foreign(_newest(self._catalogue), self.position.epoch))
        return origins

    # -- what it says -----------------------------------------------------------------------------------------

    @property
    def position(self) -> Position:
        """Where it is: its epoch, and the serial of its last change."""
        position: Position = self._catalogue.position()
        return position

    @property
    def told(self) -> Position:
        """How far those who listen have been told."""
        return self._told

    @property
    def live(self) -> Mapping[str, int]:
        """The nodes whose news stands here as soon as it is known there, by id, with their distance: 0 for this one."""
        return self._live

    @property
    def state(self) -> Live:
        """What is live and reserved now."""
        return Live(live=self._live, reserved=self._reserved)

    def changes(self, since: Position) -> Changes:
        """What came after a position, `MOST_CHANGES` at most; a reset where that is not known.

        What nobody has been told yet is not there: it is durable before it shows on the pages here, and who heard of it
        sooner would ask for one that does not know of it, and never hear of it again.
        """
        told = self._told
        found: Sequence[Change] | None = None
        if since.epoch == told.epoch and since.serial <= told.serial:
            found = self._catalogue.changes(since.serial, MOST_CHANGES)
        if found is None:
            return Changes(epoch=told.epoch, serial=told.serial, reset=True)
        changes = tuple(change for change in found if change.serial <= told.serial)
        return Changes(epoch=told.epoch, serial=told.serial, changes=changes)

    def subscribe(self, since: Position | None) -> Subscription:
        """Listen, from a position on or from now: what was missed comes first, then what is live."""
        subscription = Subscription(journal=self, position=since or self._told)
        self._subscriptions[subscription] = None
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Tell this one nothing more; harmless twice."""
        self._subscriptions.pop(subscription, None)

    # -- what is put in ---------------------------------------------------------------------------------------

    def knows(self, origin: Position) -> bool:
        """Whether the change that stood there first is in this journal already, or began in it."""
        return origin.epoch == self._told.epoch or origin in self._origins

    def is_own(self, origin: Position) -> bool:
        """Whether that change began here."""
        return origin.epoch == self._told.epoch

    async def append(self, changes: Sequence[NewChange], also: Sequence[Position] = ()) -> None:
        """Put changes in, and tell everybody once that is durable.  Raises StoreFailed.

        `also`: the origins of other news that these changes stand for.
        """
        if not changes:
            return
        stated = [position for change in changes if (position := Position.parse(change.origin)) is not None]
        new = [origin for origin in (*stated, *also) if not self.knows(origin)]
        self._origins.note(new)  # at once: it may just be coming by another way too
        try:
            appended = await self._catalogue.append_changes(changes, self._now())
        except BaseException:
            self._origins.take_back(new)
            raise
        self.published(appended)

    def published(self, changes: Sequence[Change]) -> None:
        """Tell everybody of changes that the catalogue has written."""
        epoch, told = self._told.epoch, self._told.serial
        if not changes or changes[-1].serial <= told:
            return
        if changes[0].serial != told + 1:  # some that came before are still on their way: then they are told now
            changes = self._catalogue.changes(told, changes[-1].serial - told) or changes
        for change in changes:
            if change.serial > self._told.serial:
                self._told = Position(epoch=epoch, serial=change.serial)
                self._tell(_event(epoch, change))

    def set_back(self, epoch: str) -> None:
        """Another node's journal was set back: what is known of its news holds no more."""
        self._origins.forget(epoch)

    def set_live(self, live: Mapping[str, int]) -> None:
        """These nodes above are live from now on, each with its distance from here; this one always is."""
        self._announce(evolve(self.state, live={**live, **self._itself()}))

    def set_reserved(self, digest: str) -> None:
        """The reserved names have another digest."""
        self._announce(evolve(self.state, reserved=digest))

    def _announce(self, state: Live) -> None:
        if state != self.state:
            self._live, self._reserved = state.live, state.reserved
            self._tell(FeedEvent(position=self._told, live=state))

    def _tell(self, event: FeedEvent) -> None:
        for subscription in list(self._subscriptions):
            subscription.tell(event)


def _event(epoch: str, change: Change) -> FeedEvent:
    return FeedEvent(position=Position(epoch=epoch, serial=change.serial), change=change)


def _newest(catalogue: ICatalogue) -> Sequence[Change]:
    """The changes that are still in the catalogue, so many of the newest as origins are kept."""
    serial, many = catalogue.position().serial, KEPT_ORIGINS
    while many:
        found: Sequence[Change] | None = catalogue.changes(max(0, serial - many), many)
        if found is not None:
            return found
        many //= 2
    return ()


def _foreign(changes: Sequence[Change], own_epoch: str) -> list[Position]:
    origins = (Position.parse(change.origin) for change in changes)
    return [origin for origin in origins if origin is not None and origin.epoch != own_epoch]
