"""What a node says of itself: its place in the chain, and how it finds its tiers.

What only the tiers know (their ids, the origins behind them) is asked of them now and then, and told as it was heard
last: who asks a node about itself never waits for another, so that no ring of them waits for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from attrs import define, evolve, field, frozen
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.chain import Chain
from tiercache.cache.link import SIBLING
from tiercache.errors import NotANode, TierUnreachable
from tiercache.interfaces import ICatalogue, INeighbour
from tiercache.policy.hops import MOST_HOPS
from tiercache.policy.news import Position
from tiercache.wire import FEATURES, MOST_TIERS, NodeState, Reserved, TierState

log = Logger()

ASKED_EVERY_S = 60.0
"""How old what is told of the tiers may be before they are asked again, and the pages are counted anew."""

ORIGIN = "origin"


class IJournal(Protocol):
    """What is told of the journal."""

    @property
    def position(self) -> Position:
        """Where it is."""
        ...

    @property
    def live(self) -> Mapping[str, int]:
        """Whose news it brings at once."""
        ...


@frozen(kw_only=True)
class Heard:
    """How far a tier's feed has been followed: `lag` by how many serials it is behind, None where that is unknown."""

    is_live: bool = False
    lag: int | None = None


@define(kw_only=True)
class About:
    """Tells what this node is.  `heard` says how far the feed of a tier was followed, None where nobody follows it."""

    _name: str
    _id: str
    _version: str
    _chain: Chain
    _catalogue: ICatalogue
    _journal: IJournal
    _reserved: Callable[[], Reserved]
    _heard: Callable[[str], Heard | None]
    _now: Callable[[], float]
    _asked_at: float | None = field(default=None, init=False)
    _said: dict[str, NodeState] = field(factory=dict, init=False)
    _homes: Mapping[str, int] = field(factory=dict, init=False)
    _asking: set[Deferred[None]] = field(factory=set, init=False)

    def state(self) -> NodeState:
        """The node as it is now."""
        self._refresh()
        position = self._journal.position
        return NodeState(
            name=self._name,
            id=self._id,
            version=self._version,
            features=FEATURES,
            epoch=position.epoch,
            serial=position.serial,
            tiers=self._tiers(),
            origins=self._origins(),
            reserved=self._reserved().digest,
            live=self._journal.live,
        )

    def stop(self) -> None:
        """Ask nobody any more."""
        for asking in list(self._asking):
            asking.cancel()

    def _tiers(self) -> tuple[TierState, ...]:
        told = []
        for link in self._chain.links():
            said, heard = self._said.get(link.name), self._heard(link.name) or Heard()
            told.append(
                TierState(
                    name=link.name,
                    kind=link.kind,
                    state=link.state,
                    round_trip_s=link.round_trip_s,
                    live=heard.is_live,
                    lag=heard.lag,
                    id=None if said is None else said.id,
                    home_of=self._homes.get(link.name, 0),
                    tiers=() if said is None else said.tiers,
                )
            )
        return within(told, frozenset([self._id]))

    def _origins(self) -> Mapping[str, int]:
        """Each by the shortest way; what is too many hops away cannot be reached, nor is it by way of a sibling."""
        found: dict[str, int] = {}
        for link in self._chain.links():
            if link.kind == SIBLING:
                continue
            said = self._said.get(link.name)
            if link.kind == ORIGIN and said is None:
                found[link.name] = 1
            for name, hops in said.origins.items() if said is not None else ():
                if 0 < hops < MOST_HOPS:
                    found[name] = min(hops + 1, found.get(name, MOST_HOPS))
        return found

    def _refresh(self) -> None:
        now = self._now()
        if self._asked_at is not None and 0 <= now - self._asked_at < ASKED_EVERY_S:
            return
        self._asked_at = now
        self._homes = self._catalogue.homes()
        for tier, neighbour in self._chain.neighbours().items():
            asking = ensureDeferred(self._ask(tier, neighbour))
            if not asking.called:
                self._asking.add(asking)
                asking.addBoth(self._done, asking)
            else:
                asking.addErrback(_broke)

    async def _ask(self, tier: str, neighbour: INeighbour) -> None:
        try:
            self._said[tier] = await neighbour.about()
        except NotANode:
            self._said.pop(tier, None)
        except TierUnreachable:
            return  # what it said last is the best that is known

    def _done(self, result: object, asking: Deferred[None]) -> None:
        self._asking.discard(asking)
        if isinstance(result, Failure):
            _broke(result)


def within(tiers: Sequence[TierState], passed: frozenset[str], most: int = MOST_TIERS) -> tuple[TierState, ...]:
    """The tiers with what they said of theirs, nearest first while there are no more than `most`.

    Nobody is told of what is above a node whose id was `passed` on the way up: in a ring it is told already.
    """
    shown = list(tiers[:most])
    left = most - len(shown)
    for index, tier in enumerate(shown):
        is_new = tier.id is not None and tier.id not in passed and len(passed) <= MOST_HOPS
        above = within(tier.tiers, passed | {tier.id or ""}, left) if is_new else ()
        left -= counted(above)
        shown[index] = evolve(tier, tiers=above)
    return tuple(shown)


def counted(tiers: Sequence[TierState]) -> int:
    """How many tiers these are with those above them."""
    return sum(1 + counted(tier.tiers) for tier in tiers)


def _broke(failure: Failure) -> None:
    if failure.check(CancelledError) is None:
        log.failure("a tier cannot be asked what it is", failure)
