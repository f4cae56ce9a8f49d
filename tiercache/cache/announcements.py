"""The reserved names that a tier announces: asked for when its feed says that they are others.

What they mean is `reserved`'s affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.errors import NotANode, TierUnreachable
from tiercache.interfaces import INeighbour
from tiercache.policy.news import Position
from tiercache.policy.retry import reconnect_delay_s
from tiercache.simple.model import ProjectName
from tiercache.wire import Reserved

log = Logger()


class IReserved(Protocol):
    """What is told of reserved names."""

    async def heard(self, tier: str, epoch: str, said: Reserved) -> None:
        """A tier whose journal is `epoch` has said its names."""
        ...

    async def named(self, tier: str, epoch: str, project: ProjectName) -> None:
        """A tier's journal says that it has reserved one more name."""
        ...

    async def doubted(self, tier: str) -> None:
        """A tier's journal was set back."""
        ...

    def is_no_node(self, tier: str) -> None:
        """A tier of unknown kind is no node."""
        ...


@frozen
class _Wanted:
    epoch: str
    digest: str


@define(kw_only=True, eq=False)
class Announcements:
    """Of one tier; `position` is how far its journal was read."""

    _tier: str
    _neighbour: INeighbour
    _reserved: IReserved
    _position: Callable[[], Position | None]
    _clock: IReactorTime
    _jitter: Callable[[], float]
    _wanted: _Wanted | None = field(default=None, init=False)
    _had: _Wanted | None = field(default=None, init=False)
    _named: int = field(default=0, init=False)
    _asking: Deferred[None] | None = field(default=None, init=False)

    def want(self, epoch: str, digest: str) -> None:
        """The tier's names have this digest now."""
        self._wanted = _Wanted(epoch, digest)
        if self._asking is None and self._wanted != self._had:
            self._asking = asking = ensureDeferred(self._ask())
            asking.addErrback(_broke, self._tier)
            if asking.called:
                self._asking = None

    def named(self) -> None:
        """Its journal told of one more: an answer that was on its way may lack it."""
        self._named += 1

    def stop(self) -> None:
        """Ask no more, until something is wanted again."""
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()

    async def _ask(self) -> None:
        failures = 0
        try:
            while (wanted := self._wanted) is not None and wanted != self._had:
                try:
                    is_settled = await self._asked(wanted)
                except NotANode:
                    return
                except TierUnreachable:
                    is_settled = False
                if is_settled:
                    self._had, failures = wanted, 0
                else:
                    failures += 1
                    await deferLater(self._clock, reconnect_delay_s(failures, self._jitter()))
        finally:
            self._asking = None

    async def _asked(self, wanted: _Wanted) -> bool:
        """Ask until no further name is told of meanwhile; whether what was said counts.

        A list says nothing of the journal that it belongs to: the same epoch before and after makes it certain that it
        is not a store that was wiped meanwhile, whose complete list would be empty.
        """
        named = -1
        while named != self._named:
            named = self._named
            said = await self._neighbour.reserved()
            state = await self._neighbour.about()
            if state.epoch != wanted.epoch:
                self._wanted = _Wanted(state.epoch, state.reserved)
                return False
        position = self._position()
        if position is not None and position.epoch == state.epoch and state.serial < position.serial:
            await self._reserved.doubted(self._tier)  # it was set back, and may have lost names
        await self._reserved.heard(self._tier, wanted.epoch, said)
        return True


def _broke(failure: Failure, tier: str) -> None:
    if failure.check(CancelledError) is None:
        log.failure("the names that {tier} has reserved cannot be heeded", failure, tier=tier)
