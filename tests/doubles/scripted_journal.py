"""A journal in memory, as `web` sees it: what a test appends is what subscribers are told."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from attrs import define, field
from twisted.internet.defer import Deferred

from tiercache.errors import TiercacheError
from tiercache.interfaces import FeedEvent
from tiercache.policy.news import Change, Position
from tiercache.wire import MOST_CHANGES, Changes, Live

EPOCH = "e0"


@define(eq=False)
class ScriptedSubscription:
    """What one subscriber is told; `error` is raised when all before it has been read."""

    events: deque[FeedEvent]
    error: TiercacheError | None = None
    is_closed: bool = False
    _waiting: Deferred[None] | None = None

    async def read(self) -> FeedEvent:
        while not self.events:
            if self.error is not None:
                raise self.error
            self._waiting = Deferred()
            await self._waiting
        return self.events.popleft()

    def close(self) -> None:
        self.is_closed = True

    def tell(self, event: FeedEvent) -> None:
        """One more event."""
        self.events.append(event)
        self._wake()

    def fail(self, error: TiercacheError) -> None:
        """The end."""
        self.error = error
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


@define
class ScriptedJournal:
    """The journal of a node that is called `here`; `forgotten`: changes up to this serial are not kept."""

    epoch: str = EPOCH
    appended: list[Change] = field(factory=list)
    forgotten: int = 0
    live: Mapping[str, int] = field(factory=lambda: {"here": 0})
    reserved: str = ""
    published: int = 0
    subscriptions: list[ScriptedSubscription] = field(factory=list)
    looked: int = 0

    @property
    def position(self) -> Position:
        return Position(epoch=self.epoch, serial=len(self.appended))

    @property
    def told(self) -> Position:
        return Position(epoch=self.epoch, serial=self.published)

    def changes(self, since: Position) -> Changes:
        self.looked += 1
        serial = self.published
        if since.epoch != self.epoch or not self.forgotten <= since.serial <= serial:
            return Changes(epoch=self.epoch, serial=serial, reset=True)
        found = self.appended[since.serial : min(serial, since.serial + MOST_CHANGES)]
        return Changes(epoch=self.epoch, serial=serial, changes=tuple(found))

    def subscribe(self, since: Position | None) -> ScriptedSubscription:
        assert since is None, "the feed asks for what is new"
        now_live = FeedEvent(position=self.position, live=Live(live=self.live, reserved=self.reserved))
        self.subscriptions.append(ScriptedSubscription(deque([now_live])))
        return self.subscriptions[-1]

    def append(self, project: str, what: str = "page") -> Change:
        """A change, told to everybody at once."""
        change = self.commit(project, what)
        self.publish(change)
        return change

    def commit(self, project: str, what: str = "page") -> Change:
        """A change that stands in the journal, and of which nobody has been told yet."""
        serial = len(self.appended) + 1
        change = Change(serial=serial, project=project, what=what, at=1000.0, origin=f"{self.epoch}:{serial}")
        self.appended.append(change)
        return change

    def publish(self, change: Change) -> None:
        """Tell everybody of a change that was committed."""
        self.published = change.serial
        self._tell(FeedEvent(position=self.told, change=change))

    def set_live(self, live: Mapping[str, int]) -> None:
        """Another set of nodes is live."""
        self.live = live
        self._tell(FeedEvent(position=self.position, live=Live(live=live, reserved=self.reserved)))

    def _tell(self, event: FeedEvent) -> None:
        for subscription in self.subscriptions:
            if not subscription.is_closed and subscription.error is None:
                subscription.tell(event)
