"""Follows the change feed of one tier that is a node: marks what is stored here, and passes its news on at once.

What news does to an entry is `policy.vouching`'s word.  Marks are durable before how far the feed was read is; what is
read again after a restart does nothing twice.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.announcements import Announcements, IReserved
from tiercache.cache.entries import Entries
from tiercache.cache.journal import Journal
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.vouching import Vouching
from tiercache.errors import NotANode, StoreFailed, TierUnreachable
from tiercache.interfaces import FeedEvent, IFeed, INeighbour, IUpstream, NewChange
from tiercache.policy.news import ALL, NAMED, PAGE, RELEASED, Change, Position
from tiercache.policy.retry import reconnect_delay_s
from tiercache.policy.vouching import step
from tiercache.simple.model import ProjectName

log = Logger()

MOST_AT_ONCE = 500
"""So many events are heeded together, of which those of one project are one."""

FLOOD_EVENTS = 20_000
FLOOD_S = 10.0
"""A feed that brings more in so much time is cut: it costs less to ask for every page again."""

STEADY_S = 60.0
"""A feed that was live for so long is no longer taken for one that always breaks."""

NO_NODE_S = 60.0
"""How long until a tier that is no node, or offers no feed, is asked again."""

ITSELF_S = 300.0
"""The same of one that turns out to be this node itself."""

OFFLINE_S = 5.0
"""How long until it is looked again whether tiers may be asked."""

LONGEST_ORIGIN = 100
"""In characters; what is longer is no position."""


class _OwnFeed(Exception):
    """The tier is this node."""


@define(kw_only=True, eq=False)
class Follower:
    """Follows one tier.  `suspect` is told when a feed that was live breaks, `is_well` when one is live again.

    `jitter` gives a number in [0, 1), `kind` what the tier is taken for now.
    """

    tier: str
    _kind: Callable[[], str]
    _neighbour: INeighbour
    _own_id: str
    _entries: Entries
    _vouching: Vouching
    _journal: Journal
    _reserved: IReserved
    _switch: OfflineSwitch
    _suspect: Callable[[str], None]
    _is_well: Callable[[str], None]
    _clock: IReactorTime
    _jitter: Callable[[], float]
    _announcements: Announcements = field(init=False)
    _following: Deferred[None] | None = field(default=None, init=False)
    _reading: Deferred[FeedEvent] | None = field(default=None, init=False)
    _broken_off: str | None = field(default=None, init=False)
    _at: Position | None = field(default=None, init=False)
    _live_since: float | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)
    _taken: int = field(default=0, init=False)  # since the time in which floods are noticed began
    _taken_since: float = field(default=0.0, init=False)
    _has_warned: bool = field(default=False, init=False)

    @_announcements.default
    def _made(self) -> Announcements:
        return Announcements(
            tier=self.tier,
            neighbour=self._neighbour,
            reserved=self._reserved,
            position=lambda: self._vouching.news_of(self.tier).position,
            clock=self._clock,
            jitter=self._jitter,
        )

    def start(self) -> None:
        """Follow from now on."""
        if self._following is None:
            self._following = ensureDeferred(self._run())
            self._following.addErrback(self._ended)

    def stop(self) -> None:
        """Follow no more."""
        following, self._following = self._following, None
        if following is not None:
            following.cancel()
        self._announcements.stop()

    def break_off(self, reason: str) -> None:
        """Give the feed up that is being read, and begin again; harmless where none is."""
        if self._reading is not None:
            self._broken_off = reason
            self._reading.cancel()

    def _ended(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            log.failure("the news of {tier} is not followed any more", failure, tier=self.tier)

    # -- again and again --------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            if self._switch.is_offline:
                wait_s = OFFLINE_S
            else:
                wait_s = await self._once()
            await deferLater(self._clock, wait_s)

    async def _once(self) -> float:
        """Follow until the feed breaks; how many seconds to wait before it is tried again."""
        self._broken_off, self._live_since = None, None
        reason = ""
        try:
            await self._follow()
        except NotANode as error:
            if self._kind() != "parent":
                self._reserved.is_no_node(self.tier)
            log.debug("there is no news of {tier}: {reason}", tier=self.tier, reason=error.reason)
            self._failures = 0
            return NO_NODE_S
        except _OwnFeed:
            if not self._has_warned:
                self._has_warned = True
                log.warn("tier {tier} is this node itself: its news is not followed", tier=self.tier)
            return ITSELF_S
        except TierUnreachable as error:
            reason = error.reason
        except StoreFailed as error:
            reason = f"it cannot be written down here: {error}"
        except CancelledError:
            if self._following is None:
                raise
            reason = "given up here"
        except Exception:  # noqa: BLE001  # what was not foreseen must not end the news for good
            log.failure("the news of {tier} could not be heeded", tier=self.tier)
            reason = "not foreseen"
        was_live, now = self._live_since, self._clock.seconds()
        self._failures = 1 if was_live is not None and now - was_live >= STEADY_S else self._failures + 1
        if was_live is not None:
            log.warn("the news of {tier} comes no more: {reason}", tier=self.tier, reason=reason)
            if not self._switch.is_offline:
                self._suspect(self.tier)
        return reconnect_delay_s(self._failures, self._jitter())

    async def _follow(self) -> None:
        state = await self._neighbour.about()
        if state.id == self._own_id:
            raise _OwnFeed
        self._announcements.want(state.epoch, state.reserved)
        self._at = self._vouching.news_of(self.tier).position
        feed = await self._neighbour.follow(self._at)
        self._vouching.began(self.tier, feed)
        self._taken, self._taken_since = 0, self._clock.seconds()
        try:
            await self._read(feed)
        finally:
            self._reading = None
            feed.close()
            self._vouching.broke(self.tier)
            self._announcements.stop()
            self._journal.set_live(self._vouching.live())

    async def _read(self, feed: IFeed) -> None:
        reading = self._begin_read(feed)
        while True:
            try:
                events = [await reading]
            except CancelledError:
                if self._broken_off is None or self._following is None:
                    raise
                raise TierUnreachable(tier=self.tier, reason=self._broken_off) from None
            reading = self._begin_read(feed)
            while len(events) < MOST_AT_ONCE and reading.called and not isinstance(reading.result, Failure):
                events.append(await reading)
                reading = self._begin_read(feed)
            try:
                self._notice_flood(len(events))
                await self._heed(events)
            except BaseException:
                reading.addErrback(lambda _: None)  # nobody waits for it any more
                reading.cancel()
                raise

    def _begin_read(self, feed: IFeed) -> Deferred[FeedEvent]:
        async def read() -> FeedEvent:
            return await feed.read()

        self._reading = ensureDeferred(read())
        return self._reading

    def _notice_flood(self, more: int) -> None:
        now = self._clock.seconds()
        if now - self._taken_since >= FLOOD_S:
            self._taken, self._taken_since = 0, now
        self._taken += more
        if self._taken > FLOOD_EVENTS:
            self._vouching.forget_position(self.tier)
            raise TierUnreachable(tier=self.tier, reason=f"its feed floods: {self._taken} events in {FLOOD_S:g} s")

    # -- what an event does -----------------------------------------------------------------------------------

    async def _heed(self, events: Sequence[FeedEvent]) -> None:
        """All events, in order; changes that follow each other together."""
        changes: list[tuple[Position, Change]] = []
        for event in events:
            if event.change is not None and not event.is_reset:
                match step(self._at, event.position, is_change=True):
                    case "next" if event.change.what == ALL or not event.change.project:
                        await self._heed_changes(changes)
                        changes = []
                        await self._heed_all(event.position, event.change)
                    case "next":
                        changes.append((event.position, event.change))
                    case "known":
                        continue
                    case "gap":
                        await self._heed_changes(changes)
                        await self._reset(event.position)
                        raise TierUnreachable(tier=self.tier, reason="its feed has a gap")
                self._at = event.position
                continue
            await self._heed_changes(changes)
            changes = []
            if event.is_reset or step(self._at, event.position, is_change=False) == "gap":
                await self._reset(event.position)
            if event.live is not None:
                self._heed_live(event)
        await self._heed_changes(changes)

    async def _heed_changes(self, changes: Sequence[tuple[Position, Change]]) -> None:
        marks: list[Deferred[None]] = []
        passed_on: dict[tuple[str, str], NewChange] = {}
        stood_for: dict[Position, None] = {}
        for position, change in changes:
            origin = self._origin(position, change)
            if self._journal.is_own(origin):
                continue  # it has come back
            is_known = self._journal.knows(origin) or origin in stood_for
            project = ProjectName(change.project)
            if change.what == NAMED:
                self._announcements.named()
                await self._reserved.named(self.tier, position.epoch, project)
            marks.append(Deferred.fromCoroutine(self._entries.hear(project, self.tier, position, is_known=is_known)))
            if not is_known:
                # That it is reserved no longer is said by this node once that is so here.
                what = PAGE if change.what == RELEASED else change.what
                passed_on[project, what] = NewChange(project=project, what=what, origin=str(origin))
                stood_for[origin] = None
        if passed_on:
            appended = self._journal.append(list(passed_on.values()), also=list(stood_for))
            marks.append(Deferred.fromCoroutine(appended))
        await _all_of(marks)
        if changes:
            self._vouching.read_to(self.tier, changes[-1][0])

    async def _heed_all(self, position: Position, change: Change) -> None:
        """Every page of the tier may not be what it was, says the tier."""
        origin = self._origin(position, change)
        if not self._journal.is_own(origin):
            await self._stale_before(position, origin)
        self._vouching.read_to(self.tier, position)

    async def _reset(self, position: Position) -> None:
        """What stood in the tier's journal before is not known."""
        before, self._at = self._at, position
        if before is not None and before.epoch == position.epoch and position.serial < before.serial:
            self._journal.set_back(position.epoch)
            await self._reserved.doubted(self.tier)
        if before is not None:
            log.warn("news of {tier} was missed: its pages are asked for again", tier=self.tier)
        self._vouching.is_live(self.tier, {})
        self._journal.set_live(self._vouching.live())
        await self._stale_before(position, None, is_told=before is None and not self._entries.has_pages)
        self._vouching.read_to(self.tier, position)

    async def _stale_before(self, position: Position, origin: Position | None, *, is_told: bool = False) -> None:
        is_told = is_told or (origin is not None and self._journal.knows(origin))
        self._entries.hear_of_all(self.tier, position)
        await self._vouching.reset(self.tier, position)
        if not is_told:
            await self._journal.append([NewChange(project="", what=ALL, origin=str(origin or ""))])

    def _heed_live(self, event: FeedEvent) -> None:
        assert event.live is not None  # noqa: S101  # the caller has looked
        if self._live_since is None:
            self._live_since = self._clock.seconds()
            log.info("the news of {tier} is followed", tier=self.tier)
            self._is_well(self.tier)
        self._vouching.is_live(self.tier, event.live.live)
        self._journal.set_live(self._vouching.live())
        self._announcements.want(event.position.epoch, event.live.reserved)

    def _origin(self, position: Position, change: Change) -> Position:
        stated = Position.parse(change.origin) if len(change.origin) <= LONGEST_ORIGIN else None
        return position if stated is None else stated


async def _all_of(works: Sequence[Awaitable[None]]) -> None:
    """Wait for all of them, also where one fails; raises the first failure."""
    failure: BaseException | None = None
    for work in works:
        try:
            await work
        except BaseException as error:  # noqa: BLE001  # raised below
            failure = failure or error
    if failure is not None:
        raise failure


def kind_of(upstream: IUpstream) -> str:
    """What its tier is taken for now: of one of unknown kind that is found out in time."""
    kind: str = upstream.tier.kind
    return kind
