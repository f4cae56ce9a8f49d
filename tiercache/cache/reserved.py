"""Reserved names: the projects that this node hosts, and those that the nodes above have announced as theirs.

No other tier is ever asked for one (`policy.selection`).  What was announced is kept in the store, so that neither a
restart nor an outage opens a name; what drops one is `policy.reserved`'s word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from tiercache.cache.journal import Journal
from tiercache.cache.knowledge import Knowledge
from tiercache.errors import StoreFailed
from tiercache.interfaces import ICatalogue, NewChange, Reservation
from tiercache.policy.news import NAMED, RELEASED
from tiercache.policy.reserved import Announced, announced, doubted, named, released, together
from tiercache.policy.selection import NOT_RESERVED, ReservedBy
from tiercache.simple.model import ProjectName
from tiercache.wire import LONGEST_NAME, Reserved

log = Logger()

# How a tier's word is stored: each part under a name that no tier can have.
EARLIER = "/earlier"
COMPLETE = "/complete"

_NORMALISED = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")  # PEP 503


@define(kw_only=True)
class ReservedNames:
    """The reserved names of a node.

    `tiers`: every tier of the configuration by name, in order; what others announced once counts for nothing, but is
    kept.  `nodes`: those of them that are nodes, or may be: until each has spoken this node's own word is incomplete.
    `knowledge` is what the names are part of.
    """

    _catalogue: ICatalogue
    _journal: Journal
    _tiers: tuple[str, ...]
    _nodes: frozenset[str]
    _knowledge: Knowledge = field(factory=Knowledge)
    _said: dict[str, Announced] = field(factory=dict, init=False)
    _hosted: set[ProjectName] = field(factory=set, init=False)
    _not_nodes: set[str] = field(factory=set, init=False)
    _unkept: set[str] = field(factory=set, init=False)  # of whom the store does not know all
    _by: Mapping[ProjectName, tuple[str, ...]] = field(factory=dict, init=False)
    _announced: Reserved = field(init=False)
    _announced_names: frozenset[ProjectName] = field(default=frozenset(), init=False)
    _lock: DeferredLock = field(factory=DeferredLock, init=False)
    _on_change: list[Callable[[ProjectName], None]] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        stored = {reservation.tier: reservation for reservation in self._catalogue.reservations()}
        self._said.update({tier: word for tier in self._tiers if (word := _word(stored, tier)) is not None})
        self._hosted.update(self._catalogue.hosted_names())
        self._look_again()

    def on_change(self, act: Callable[[ProjectName], None]) -> None:
        """Let `act` know of each name for which other tiers answer from now on than did before."""
        self._on_change.append(act)

    # -- what is reserved -------------------------------------------------------------------------------------

    def by(self, project: ProjectName) -> ReservedBy:
        """Who alone may answer for a name."""
        announced_by = self._by.get(project, ())
        if project in self._hosted:
            return ReservedBy(hosted=True, announced_by=announced_by)
        return ReservedBy(announced_by=announced_by) if announced_by else NOT_RESERVED

    def everything(self) -> Mapping[ProjectName, ReservedBy]:
        """Every reserved name, sorted, and by whom."""
        return {name: self.by(name) for name in self._names()}

    def hosted_names(self) -> Sequence[ProjectName]:
        """The names of the projects that are hosted here, sorted."""
        return sorted(self._hosted)

    def announced(self) -> Reserved:
        """What this node says to those below."""
        return self._announced

    # -- what changes it --------------------------------------------------------------------------------------

    async def heard(self, tier: str, epoch: str, said: Reserved) -> None:
        """A tier whose journal is `epoch` has said its names."""
        names = [ProjectName(name) for name in said.names if _is_name(name)]
        await self._change(
            {tier: lambda old: announced(old, epoch, names, is_complete=said.complete)}, is_told_already=False
        )

    async def named(self, tier: str, epoch: str, project: ProjectName) -> None:
        """A tier's journal says that it has reserved one more name; who reads that passes it on himself."""
        if _is_name(project):
            await self._change({tier: lambda old: named(old, epoch, project)}, is_told_already=True)

    async def doubted(self, tier: str) -> None:
        """A tier's journal is not what it was, though it has the same epoch (a store that was set back): what it
        announced stays, whatever it says from now on."""
        await self._change({tier: lambda old: old and doubted(old)}, is_told_already=True)

    def is_no_node(self, tier: str) -> None:
        """A tier of unknown kind is no node: nothing is to be heard of it.  What it announced when it was one stays."""
        if tier not in self._not_nodes:
            self._not_nodes.add(tier)
            self._look_again()

    async def release(self, project: ProjectName) -> bool:
        """Drop what tiers have announced of a name, at a person's word; whether there was any.

        A tier that still has it will say so again.  Raises StoreFailed.
        """
        tiers = [tier for tier, word in self._said.items() if project in word.all_names]
        await self._change(
            {tier: lambda old: old and released(old, project) for tier in tiers}, is_told_already=False, is_asked=True
        )
        return bool(tiers)

    def begin_hosting(self, project: ProjectName) -> None:
        """The project is hosted here from now on; who stored that tells of it, and then calls `announce`."""
        if project not in self._hosted:
            self._hosted.add(project)
            self._tell([project])

    def end_hosting(self, project: ProjectName) -> None:
        """The project is hosted here no longer; the rest as in `begin_hosting`."""
        if project in self._hosted:
            self._hosted.remove(project)
            self._tell([project])

    def announce(self, project: ProjectName) -> None:
        """Let those below know whether this name is reserved: they have been told of the project itself."""
        if (project in self._announced_names) != (self.by(project) != NOT_RESERVED):
            self._look_again()

    # -- how --------------------------------------------------------------------------------------------------

    async def _change(
        self,
        words: Mapping[str, Callable[[Announced | None], Announced | None]],
        *,
        is_told_already: bool,
        is_asked: bool = False,
    ) -> None:
        """What is added counts at once, and also where it cannot be stored; what is dropped when that is durable."""
        await self._lock.acquire()
        try:
            before = dict(self._by)
            was_reserved = {*self._names()}
            for tier, word in words.items():
                old = self._said.get(tier)
                new = word(old)
                if new is None or (new == old and tier not in self._unkept):
                    continue
                self._said[tier] = new if old is None else together(old, new)
                self._look_again()
                self._unkept.add(tier)
                try:
                    await self._keep(tier, old, new)
                except StoreFailed as error:
                    if is_asked:
                        raise
                    log.warn("what {tier} has reserved is known until the node stops: {error}", tier=tier, error=error)
                else:
                    self._unkept.discard(tier)
                    self._said[tier] = new
                    self._look_again()
            self._tell([name for name in {*before, *self._by} if before.get(name) != self._by.get(name)])
            if not is_told_already:
                await self._journal_since(was_reserved)
        finally:
            self._lock.release()

    async def _journal_since(self, was_reserved: set[ProjectName]) -> None:
        now = {*self._names()}
        changes = [NewChange(project=name, what=NAMED) for name in sorted(now - was_reserved)]
        changes += [NewChange(project=name, what=RELEASED) for name in sorted(was_reserved - now)]
        if changes:
            try:
                await self._journal.append(changes)
            except StoreFailed as error:  # those below hear it by the digest
                log.warn("that names are reserved is not journalled: {error}", error=error)

    async def _keep(self, tier: str, old: Announced | None, new: Announced) -> None:
        """One part after the other, so that at every moment no name is missing and nothing complete that is not."""
        old = old or Announced(epoch="")
        complete = Reservation(tier=tier + COMPLETE, epoch=new.epoch if new.is_complete else "", names=())
        if not new.is_complete:
            await self._stored(complete)
        moving = old.earlier | new.earlier
        if moving != old.earlier:
            await self._stored(Reservation(tier=tier + EARLIER, epoch="", names=tuple(sorted(moving))))
        await self._stored(Reservation(tier=tier, epoch=new.epoch, names=tuple(sorted(new.names))))
        if moving != new.earlier:
            await self._stored(Reservation(tier=tier + EARLIER, epoch="", names=tuple(sorted(new.earlier))))
        if new.is_complete:
            await self._stored(complete)

    def _stored(self, reservation: Reservation) -> Awaitable[None]:
        stored: Awaitable[None] = self._catalogue.store_reservation(reservation)
        return stored

    def _names(self) -> list[ProjectName]:
        return sorted({*self._hosted, *self._by})

    def _look_again(self) -> None:
        by: dict[ProjectName, tuple[str, ...]] = {}
        for tier in self._tiers:
            for name in self._said[tier].all_names if tier in self._said else ():
                by[name] = (*by.get(name, ()), tier)
        self._by = by
        self._knowledge.changed_for_all()
        names = tuple(self._names())
        is_complete = all(self._has_said_all(tier) for tier in self._nodes)
        text = "\n".join((*names, "complete" if is_complete else "incomplete"))
        digest = hashlib.sha256(text.encode()).hexdigest()
        self._announced = Reserved(digest=digest, complete=is_complete, names=names)
        self._announced_names = frozenset(names)
        self._journal.set_reserved(digest)

    def _has_said_all(self, tier: str) -> bool:
        word = self._said.get(tier)
        return tier in self._not_nodes if word is None else word.is_complete

    def _tell(self, names: Sequence[ProjectName]) -> None:
        self._knowledge.changed_for_all()
        for name in names:
            for act in self._on_change:
                act(name)


def _word(stored: Mapping[str, Reservation], tier: str) -> Announced | None:
    now, earlier, complete = stored.get(tier), stored.get(tier + EARLIER), stored.get(tier + COMPLETE)
    if now is None and earlier is None:
        return None
    epoch = now.epoch if now is not None else ""
    return Announced(
        epoch=epoch,
        names=frozenset(now.names) if now is not None else frozenset(),
        earlier=frozenset(earlier.names) - frozenset(now.names if now else ()) if earlier is not None else frozenset(),
        is_complete=complete is not None and bool(epoch) and complete.epoch == epoch,
    )


def _is_name(text: str) -> bool:
    return len(text) <= LONGEST_NAME and _NORMALISED.fullmatch(text) is not None
