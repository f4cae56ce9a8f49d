"""Project pages: from the store when they may be, from the chain when they must be.

`policy.decide` says what to do, `policy.conclude` what an answer means; here both are carried out, one forward for
a project however many ask.  What is hosted here goes before all of it.  Where entries are kept is `entries`' affair,
how a page looks to clients `showing`'s and `web`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from tiercache.cache.along import Along
from tiercache.cache.arrived_sidecars import ArrivedSidecars
from tiercache.cache.beside import behind
from tiercache.cache.chain import Chain
from tiercache.cache.collapse import Collapse, Shared
from tiercache.cache.entries import Entries
from tiercache.cache.hosted import Hosted
from tiercache.cache.look import Look
from tiercache.cache.meanwhile import Meanwhile
from tiercache.cache.merge import merged
from tiercache.cache.settled import Settled
from tiercache.cache.showing import Showing
from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import NoTierAnswered, NotStored, ProjectAbsent
from tiercache.interfaces import ICatalogue, Pool
from tiercache.policy.cache_status import Outcome
from tiercache.policy.conclude import (
    PARTIAL,
    SERIAL_REGRESSION,
    Freshen,
    Serve,
    ServeStale,
    Store,
    StoreAbsent,
    Unavailable,
    conclude,
)
from tiercache.policy.decide import Forward, Refuse, Reuse, Revalidate, decide
from tiercache.policy.entry import Ask, Entry, NotModified, Present, Unreachable
from tiercache.policy.freshness import FreshnessRules, current_age_s, time_to_live_s
from tiercache.policy.removed import is_quarantined
from tiercache.policy.selection import HERE
from tiercache.simple.model import Page, ProjectName
from tiercache.stats import Stats

MOST_TURNS = 3
"""How often a project is settled anew because its name became reserved, or ceased to be, while tiers were asked; or
because who asks after news of it would be given what was asked for before."""
RESERVED_MEANWHILE = "reserved-meanwhile"


@frozen(kw_only=True)
class ShownPage:
    """A project page as this node shows it now.

    `age_s`: RFC 9111 section 4.2.3; it grows unless `is_ageless`.  `version`: equal versions of one project are equal
    pages.  `serial`: X-PyPI-Last-Serial, None where the tier has none.  `home`: the id of the node that vouches for it,
    None where nobody does.  `is_reserved`: as `Head.reserved`.
    """

    project: ProjectName
    outcome: Outcome
    age_s: float
    version: str
    serial: int | None
    _look: Look = field(eq=False)
    home: str | None = None
    is_reserved: bool = False
    is_ageless: bool = False

    @property
    def page(self) -> Page:
        """The files as shown, their URLs still the tier's; put together when it is first looked at."""
        return self._look.page

    @property
    def is_large(self) -> bool:
        """Whether to put it together takes long."""
        return self._look.is_large

    async def together(self, pool: Pool) -> Page:
        """The same; in the pool where that takes long."""
        return await self._look.together(pool)


@define(kw_only=True)
class Pages:
    """The project pages of a node."""

    _entries: Entries
    _hosted: Hosted
    _showing: Showing
    _arrived: ArrivedSidecars
    _catalogue: ICatalogue
    _chain: Chain
    _switch: OfflineSwitch
    _rules: FreshnessRules
    _clock: IReactorTime
    _now: Callable[[], float]
    _stats: Stats
    _forwards: Collapse[tuple[ProjectName, bool, int], Settled] = field(factory=Collapse, init=False)
    _awaited: int = field(default=0, init=False)
    _along: Along = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._along = Along(
            entries=self._entries,
            hosted=self._hosted,
            chain=self._chain,
            rules=self._rules,
            now=self._now,
            stats=self._stats,
            settle=self.settled,
        )

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for a page that tiers are asked for."""
        return self._awaited > 0

    async def shown(self, project: ProjectName, ask: Ask) -> ShownPage:
        """The page of a project, as this node shows it.

        Raises ProjectAbsent, NotStored (a local or only-if-cached ask, and it is not here), NoTierAnswered.
        """
        if ask.local or self._switch.is_offline:
            return await self._shown_locally(project)
        settled = await self._or_what_was_kept(await self.settled(project, ask), project)
        if settled.entry is None:
            reason = settled.outcome.detail or "no answer"
            raise NoTierAnswered(subject=f"The page of {project}", reason=reason, retry_after_s=settled.retry_after_s)
        entry = settled.entry
        look = self._showing.everywhere(entry)
        if look is None:
            raise ProjectAbsent(project=project)
        return ShownPage(
            project=project,
            outcome=settled.outcome,
            age_s=current_age_s(entry.head, self._now()),
            version=f"everywhere-{settled.revision}",
            serial=entry.head.serial,
            home=None if entry.head.outdated or entry.head.instead_of is not None else entry.head.home,
            is_reserved=entry.head.reserved,
            look=look,
        )

    async def settled(self, project: ProjectName, ask: Ask) -> Settled:
        """The entry that answers this ask now, and what it took.

        Raises NotStored.  An entry whose page is None says that every tier is without the project.
        """
        for _ in range(MOST_TURNS):
            selection = self._chain.selection(project)
            hosted = self._hosted.entry(project)
            settled = await (self._settled_here(hosted, ask) if hosted else self._settled_above(project, ask))
            is_settled = self._chain.selection(project) == selection
            if is_settled and not (settled.is_overtaken and settled.outcome.collapsed):
                return settled
            if not is_settled:
                self._entries.forget_absence(project)  # of those who may not say so any more
        if is_settled:
            return settled
        outcome = Outcome(fwd="miss", detail=RESERVED_MEANWHILE)
        return Settled(entry=None, revision=settled.revision, outcome=outcome)

    async def _settled_above(self, project: ProjectName, ask: Ask) -> Settled:
        """The same, of what the tiers have."""
        entry = await self._entries.entry(project)
        revision = self._entries.revision(project)
        decision = decide(entry, ask, self._rules, self._now())
        match decision:
            case Reuse(entry=reused, ttl_s=ttl_s):
                self._stats.hits += 1
                outcome = Outcome(hit=True, ttl_s=ttl_s, tier=reused.head.tier)
                return Settled(entry=reused, revision=revision, outcome=outcome)
            case Refuse():
                self._stats.refused += 1
                raise NotStored(subject=f"The page of {project}")
            case Revalidate() | Forward():
                return await self._forwarded(project, entry, revision, decision, ask)
            case _:
                assert_never(decision)

    @property
    def under_way(self) -> int:
        """How many projects tiers are being asked about, but for those whose pages come along unasked."""
        return len(self._forwards) - self._along.under_way

    def known_projects(self, local: bool) -> Sequence[ProjectName]:
        """The projects that this node has a page of, or locally a file of, sorted."""
        listed = () if local or self._switch.is_offline else self._catalogue.entry_names()
        return sorted({*listed, *self._catalogue.file_projects(), *self._hosted.names()})

    async def is_at_hand(self, project: ProjectName, ask: Ask) -> bool:
        """Whether this ask costs the tiers nothing more: the page is fresh here, or on its way."""
        if self._hosted.entry(project) is not None:
            return not self._chain.selection(project).tiers
        if (project, False, len(ask.hops.ids)) in self._forwards:
            return True
        decision = decide(await self._entries.entry(project), ask, self._rules, self._now())
        return isinstance(decision, Reuse) and decision.entry.page is not None

    # -- hosted -----------------------------------------------------------------------------------------------

    async def _settled_here(self, hosted: Entry, ask: Ask) -> Settled:
        """A hosted project: alone, or in front of what the tiers have that a rule opens it to."""
        project = hosted.project
        outcome = Outcome(hit=True, ttl_s=self._rules.page_s)
        alone = Settled(entry=hosted, revision=self._entries.revision(project), outcome=outcome)
        is_closed = hosted.page is not None and is_quarantined(hosted.page)  # then nobody else's files are offered
        if is_closed or not self._chain.selection(project).tiers:
            self._stats.hits += 1
            return alone
        hosted = evolve(hosted, head=evolve(hosted.head, home=None))  # nobody vouches for what the tiers may add
        alone = evolve(alone, entry=hosted)
        try:
            above = await self._settled_above(project, ask)
        except NotStored:
            return alone
        own = (self._hosted.entry(project) or hosted).page  # it may have changed meanwhile
        if above.entry is None:
            return evolve(above, entry=hosted, outcome=evolve(above.outcome, detail=PARTIAL))
        if own is None or above.entry.page is None or is_quarantined(own):
            return evolve(above, entry=evolve(hosted, page=own))
        others = behind(self._hosted, self._catalogue, project, above.entry.page)
        page, conflicts = merged([(HERE, own), (above.entry.head.tier, others)])
        self._chain.tell(project, conflicts)
        head = evolve(above.entry.head, home=None, reserved=True)  # nobody vouches for the whole of it
        return evolve(above, entry=Entry(project=project, head=head, page=page))

    # -- showing ----------------------------------------------------------------------------------------------

    async def _or_what_was_kept(self, settled: Settled, project: ProjectName) -> Settled:
        """Where no tier answers about a project that they all had said is gone: what of it is shown all the same."""
        gone = None if settled.entry is not None else await self._entries.entry(project)
        if gone is None or gone.page is not None or self._showing.everywhere(gone) is None:
            return settled
        self._stats.served_stale += 1
        outcome = self._outcome_of_stale(gone, settled.outcome.detail or "no answer")
        return Settled(entry=gone, revision=self._entries.revision(project), outcome=outcome)

    async def _shown_locally(self, project: ProjectName) -> ShownPage:
        entry = await self._entries.entry(project)
        look = self._showing.locally(project, entry)
        if look is None:
            self._stats.refused += 1
            raise NotStored(subject=f"Project {project}")
        self._stats.hits += 1
        head = entry.head if entry is not None else None
        return ShownPage(
            project=project,
            outcome=Outcome(hit=True, detail="local"),
            age_s=current_age_s(head, self._now()) if head is not None else 0.0,
            version=f"local-{self._entries.revision(project)}",
            serial=head.serial if head is not None else None,
            look=look,
        )

    # -- forwarding -------------------------------------------------------------------------------------------

    async def _forwarded(
        self,
        project: ProjectName,
        entry: Entry | None,
        revision: int,
        decision: Revalidate | Forward,
        ask: Ask,
    ) -> Settled:
        # Only requests that are equally far from their clients share a forward: were it otherwise, two nodes that are
        # each other's parents could wait for each other's forward, and so could any ring.
        distance = len(ask.hops.ids)
        silence_s = self._chain.silence_s(project)
        insists = ask.is_for_the_top or (project, True, distance) in self._forwards
        forward, collapsed = self._forwards.join(
            (project, insists, distance),
            lambda: self._forward(project, entry, revision, decision, evolve(ask, no_cache=insists)),
        )
        self._stats.collapsed += collapsed
        if isinstance(decision, Revalidate) and decision.patience_s is not None and not forward.is_done:
            await self._within(forward, max(0.0, decision.patience_s - silence_s))
            if not forward.is_done:
                self._stats.served_stale += 1
                outcome = self._outcome_of_stale(decision.entry, "patience")
                outcome = evolve(outcome, collapsed=collapsed)
                return Settled(entry=decision.entry, revision=revision, outcome=outcome)
        self._awaited += not ask.unhurried
        try:
            settled = await forward.result()
        finally:
            self._awaited -= not ask.unhurried
        return evolve(settled, outcome=evolve(settled.outcome, collapsed=collapsed)) if collapsed else settled

    async def _within(self, forward: Shared[Settled], patience_s: float) -> None:
        """Wait for a forward, but no longer than `patience_s` seconds."""
        waiter: Deferred[None] = forward.wait()
        alarm = self._clock.callLater(patience_s, waiter.cancel)
        try:
            await waiter
        except CancelledError:
            if alarm.active():  # it was not the alarm: the client has left
                raise
        finally:
            if alarm.active():
                alarm.cancel()

    async def _forward(
        self,
        project: ProjectName,
        entry: Entry | None,
        revision: int,
        decision: Revalidate | Forward,
        ask: Ask,
    ) -> Settled:
        self._stats.forwarded += 1
        with self._entries.asking(project) as meanwhile:
            settled = await self._asked(project, entry, revision, decision, ask, meanwhile)
            return settled if meanwhile.is_quiet else self._overtaken(settled, meanwhile)

    def _overtaken(self, settled: Settled, meanwhile: Meanwhile) -> Settled:
        """The same after news: nobody is to take what was asked for before it for what there is now."""
        settled = evolve(settled, is_overtaken=True)
        if settled.entry is None or settled.entry.page is None:
            return settled
        entry = meanwhile.counted(settled.entry)
        if not entry.head.outdated:
            return settled
        ttl_s = min(0.0, settled.outcome.ttl_s or 0.0)
        return evolve(settled, entry=entry, outcome=evolve(settled.outcome, ttl_s=ttl_s))

    async def _asked(
        self,
        project: ProjectName,
        entry: Entry | None,
        revision: int,
        decision: Revalidate | Forward,
        ask: Ask,
        meanwhile: Meanwhile,
    ) -> Settled:
        asked_at = self._now()
        answer = await self._chain.page(project, entry, ask.no_cache, ask.hops, ask.hints)
        above = answer.cache_status if isinstance(answer, Present | NotModified) else None
        now = self._now()
        fwd = decision.reason
        newer = self._entries.kept(project)
        if newer is not None and newer is not entry and newer.head.requested_at > asked_at:
            # A client that insisted has been answered meanwhile, and what came now was said before that.
            outcome = self._outcome(newer, fwd, 404 if newer.page is None else 200, True, above)
            return Settled(entry=newer, revision=self._entries.revision(project), outcome=outcome)
        if isinstance(answer, Present):  # before the page is seen that says so
            self._along.take(answer.follows, answer.head.tier, ask)
            self._arrived.keep(answer.page, answer.sidecars)
        conclusion = conclude(decision, project, answer, self._rules, now)
        match conclusion:
            case Store(entry=new):
                stored = await self._entries.store(new, meanwhile)
                status = 404 if stored.entry.page is None else 200
                outcome = self._outcome(stored.entry, fwd, status, stored.is_stored, above)
                return Settled(entry=stored.entry, revision=stored.revision, outcome=outcome)
            case Serve(entry=new, detail=detail):
                # A revision of its own: what is stored stays, and is shown again where this may not be.
                passing = await self._entries.let_pass(new)
                outcome = evolve(self._outcome(new, fwd, 200, False, above), detail=detail)
                return Settled(entry=new, revision=passing, outcome=outcome)
            case Freshen(entry=new):
                self._entries.freshen(meanwhile.counted(new))
                self._stats.revalidated += 1
                return Settled(entry=new, revision=revision, outcome=self._outcome(new, fwd, 304, True, above))
            case ServeStale(entry=old, reason=reason):
                self._stats.served_stale += 1
                self._stats.serial_regressions += reason == SERIAL_REGRESSION
                return Settled(entry=old, revision=revision, outcome=self._outcome_of_stale(old, reason))
            case StoreAbsent(entry=new):
                self._stats.absent += 1
                if meanwhile.is_quiet:  # else a tier may have it by now
                    await self._entries.remember_absent(new)
                return Settled(entry=new, revision=revision, outcome=self._outcome(new, fwd, 404, True))
            case Unavailable(reason=reason, retry_after_s=retry_after_s):
                self._stats.unavailable += 1
                tier = answer.tier if isinstance(answer, Unreachable) else None
                outcome = Outcome(fwd=fwd, detail=reason, tier=tier)
                return Settled(entry=None, revision=revision, outcome=outcome, retry_after_s=retry_after_s)
            case _:
                assert_never(conclusion)

    def _outcome(self, entry: Entry, fwd: str, status: int, stored: bool, above: str | None = None) -> Outcome:
        ttl_s = time_to_live_s(entry, self._rules, self._now())
        return Outcome(fwd=fwd, fwd_status=status, stored=stored, ttl_s=ttl_s, tier=entry.head.tier, above=above)

    def _outcome_of_stale(self, entry: Entry, reason: str) -> Outcome:
        ttl_s = time_to_live_s(entry, self._rules, self._now())
        return Outcome(fwd="stale", ttl_s=ttl_s, detail=reason, tier=entry.head.tier)
