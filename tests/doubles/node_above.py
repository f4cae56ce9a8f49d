"""A node above, as its child sees it: pages that a test puts in, and a real journal whose feed can be broken."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from zope.interface import implementer

from tests.doubles.now import result_of
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.journal import Journal, Subscription
from tiercache.errors import FileAbsent, TiercacheError, TierUnreachable
from tiercache.interfaces import FeedEvent, IFeed, IFileStream, INeighbour, NewChange, Tier
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.news import PAGE, Change, Position
from tiercache.simple.model import ProjectName
from tiercache.storage.memory import MemoryCatalogue
from tiercache.wire import Live, NodeState, Reserved

EPOCH = "e1"


@implementer(IFeed)
@define(kw_only=True, eq=False)
class JournalFeed:
    """The feed of a real journal, as a child has it; `silent_since`: when its last heartbeat came, None for now."""

    subscription: Subscription
    now: Callable[[], float]
    tier: str
    silent_since: float | None = None
    is_closed: bool = False
    _error: str | None = None
    _waiting: Deferred[FeedEvent] | None = None

    @property
    def heard_at(self) -> float:
        return self.now() if self.silent_since is None else self.silent_since

    async def read(self) -> FeedEvent:
        if self._error is None:
            self._waiting = ensureDeferred(self.subscription.read())
            try:
                return await self._waiting
            except CancelledError:
                if self._error is None:
                    raise
        assert self._error is not None
        raise TierUnreachable(tier=self.tier, reason=self._error)

    def break_off(self, reason: str = "it was cut") -> None:
        """No more comes, which is noticed."""
        self._error = reason
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        self.is_closed = True
        self.subscription.close()


@implementer(IFeed)
@define(kw_only=True, eq=False)
class ScriptedFeed:
    """A feed that says what a test wrote; then nothing more, or an error."""

    events: deque[FeedEvent] = field(converter=deque)
    error: TiercacheError | None = None
    now: Callable[[], float] = lambda: 0.0
    taken: int = 0
    is_closed: bool = False

    @property
    def heard_at(self) -> float:
        return self.now()

    async def read(self) -> FeedEvent:
        if self.events:
            self.taken += 1
            return self.events.popleft()
        if self.error is not None:
            raise self.error
        return await Deferred()

    def close(self) -> None:
        self.is_closed = True


@implementer(INeighbour)
@define(kw_only=True, eq=False, slots=False)
class NodeAbove(ScriptedUpstream):
    """A tier that is a node called `id`, which hosts what is in `pages` (`vouches` False: it has it from elsewhere).

    `follow` gives what stands in `script`, one after the other, then the journal's own feed; an exception is raised.
    `says`: raised by whatever is asked of it but pages.
    """

    id: str = "a" * 16
    epoch: str = EPOCH
    changes_kept: int = 100_000
    names: tuple[str, ...] = ()
    is_complete: bool = True
    vouches: bool = True
    says: TiercacheError | None = None
    script: deque[IFeed | TiercacheError] = field(factory=deque)
    feeds: list[JournalFeed] = field(factory=list)
    follows: list[Position | None] = field(factory=list)
    journal: Journal = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wipe(self.epoch)

    def wipe(self, epoch: str) -> None:
        """A new store, and so a new journal; who followed the old one is cut."""
        self.break_feeds()
        catalogue = MemoryCatalogue(epoch=epoch, changes_kept=self.changes_kept)
        self.journal = Journal(catalogue=catalogue, now=lambda: self.now(), node_id=self.id)

    def break_feeds(self, reason: str = "it was cut") -> None:
        """Cut whoever follows."""
        for feed in self.feeds:
            if not feed.is_closed:
                feed.break_off(reason)

    def tell(self, *projects: str, what: str = PAGE, origin: str = "") -> None:
        """Changes of these projects, in the journal and told to who follows."""
        changes = [NewChange(project=project, what=what, origin=origin) for project in projects]
        result_of(self.journal.append(changes))

    def announce(self, *names: str, is_complete: bool = True) -> None:
        """Other names are reserved here from now on."""
        self.names, self.is_complete = names, is_complete
        self.journal.set_reserved(self._reserved.digest)

    @property
    def _reserved(self) -> Reserved:
        digest = ",".join((*self.names, str(self.is_complete)))
        return Reserved(digest=digest, complete=self.is_complete, names=self.names)

    async def page(self, project: ProjectName, validators: Validators, no_cache: bool) -> Present | NotModified:
        """The page, with where the journal was when it was asked for."""
        at = self.journal.position
        answer = await super().page(project, validators, no_cache)
        return evolve(answer, head=evolve(answer.head, at=at, home=self.id if self.vouches else None))

    async def about(self) -> NodeState:
        """What it is."""
        self._is_asked("about")
        position = self.journal.position
        return NodeState(
            name=self.tier.name,
            id=self.id,
            version="1",
            epoch=position.epoch,
            serial=position.serial,
            reserved=self._reserved.digest,
        )

    async def reserved(self) -> Reserved:
        """Its names."""
        self._is_asked("reserved")
        if self.gate is not None:
            said = self._reserved
            await self.gate.wait()
            return said
        return self._reserved

    async def follow(self, since: Position | None) -> IFeed:
        """Its feed."""
        self._is_asked("follow")
        self.follows.append(since)
        if self.script:
            scripted = self.script.popleft()
            if isinstance(scripted, TiercacheError):
                raise scripted
            return scripted
        feed = JournalFeed(subscription=self.journal.subscribe(since), now=self.now, tier=self.tier.name)
        self.feeds.append(feed)
        return feed

    async def stored_file(self, sha256: str, filename: str) -> IFileStream:
        """It has none."""
        raise FileAbsent(filename=filename)

    def _is_asked(self, what: str) -> None:
        self.asked.append((what,))
        if self.says is not None:
            raise self.says
        self._answers()


def above(name: str = "office", **what: object) -> NodeAbove:
    """A node above, of this name."""
    return NodeAbove(tier=Tier(name=name, kind="parent"), **what)  # type: ignore[arg-type]  # as given


def change(serial: int, project: str = "numpy", what: str = PAGE, *, epoch: str = EPOCH, origin: str = "") -> FeedEvent:
    """A change as it comes by a feed."""
    told = Change(serial=serial, project=project, what=what, at=0.0, origin=origin or f"{epoch}:{serial}")
    return FeedEvent(position=Position(epoch=epoch, serial=serial), change=told)


def live(serial: int, *nodes: str, epoch: str = EPOCH) -> FeedEvent:
    """That these nodes are live, each one hop further away than the one before."""
    ids = {node: hops for hops, node in enumerate(nodes or ("a" * 16,))}
    return FeedEvent(position=Position(epoch=epoch, serial=serial), live=Live(live=ids))
