"""Following: the feeds of all tiers that are nodes, together.

One `Follower` a tier reads, `Vouching` knows what was read.  Here they are started, looked after, and stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from attrs import define, field
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from tiercache.cache.about import Heard
from tiercache.cache.chain import Chain
from tiercache.cache.entries import Entries
from tiercache.cache.follower import Follower, kind_of
from tiercache.cache.journal import Journal
from tiercache.cache.link import SIBLING
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.vouching import Vouching
from tiercache.interfaces import IUpstream

log = Logger()

KEPT_EVERY_S = 5.0
"""How often it is written down how far the feeds have been read, and looked whether they keep up."""

LONGEST_LAG_S = 30.0
"""A feed that has not brought by then what the tier's pages show to have happened is given up, however well it seems:
something in between holds it back."""


@define(kw_only=True, eq=False)
class Following:
    """The followers of a node."""

    _followers: tuple[Follower, ...]
    _vouching: Vouching
    _switch: OfflineSwitch
    _clock: IReactorTime
    _now: Callable[[], float]
    _looking: LoopingCall = field(init=False)

    @_looking.default
    def _made(self) -> LoopingCall:
        looking = LoopingCall(self._look)
        looking.clock = self._clock
        return looking

    def start(self) -> None:
        """Follow every tier from now on, from where it was left."""
        for follower in self._followers:
            follower.start()
        if not self._looking.running:
            self._looking.start(KEPT_EVERY_S, now=False).addErrback(
                lambda failure: log.failure("the feeds are not looked after any more", failure)
            )

    async def stop(self) -> None:
        """Follow no more, and write down how far it went."""
        for follower in self._followers:
            follower.stop()
        if self._looking.running:
            self._looking.stop()
        await self._vouching.keep()

    def heard(self, tier: str) -> Heard | None:
        """How far a tier's feed was followed; None for a tier that has none."""
        if all(follower.tier != tier for follower in self._followers):
            return None
        news = self._vouching.news_of(tier)
        return Heard(is_live=news.is_live(self._now()), lag=self._vouching.lag(tier))

    def _look(self) -> object:
        now = self._now()
        for follower in self._followers:
            since = self._vouching.behind_since(follower.tier)
            if self._switch.is_offline:
                follower.break_off("offline")
            elif since is not None and not 0 <= now - since < LONGEST_LAG_S:
                follower.break_off("its feed is behind its pages")
        return ensureDeferred(self._vouching.keep())


def following_of(
    upstreams: Iterable[IUpstream],
    chain: Chain,
    *,
    own_id: str,
    entries: Entries,
    vouching: Vouching,
    journal: Journal,
    reserved: ReservedNames,
    switch: OfflineSwitch,
    clock: IReactorTime,
    now: Callable[[], float],
    jitter: Callable[[], float],
) -> Following:
    """The followers of those tiers that are nodes, or may be, and are no siblings; `own_id` is this node's own."""
    neighbours = chain.neighbours()
    followers = (
        Follower(
            tier=upstream.tier.name,
            kind=partial(kind_of, upstream),
            neighbour=neighbours[upstream.tier.name],
            own_id=own_id,
            entries=entries,
            vouching=vouching,
            journal=journal,
            reserved=reserved,
            switch=switch,
            suspect=chain.suspect,
            is_well=chain.is_well,
            clock=clock,
            jitter=jitter,
        )
        for upstream in upstreams
        if upstream.tier.name in neighbours and upstream.tier.kind != SIBLING
    )
    return Following(followers=tuple(followers), vouching=vouching, switch=switch, clock=clock, now=now)
