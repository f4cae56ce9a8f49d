"""Looking up names: once for all that need a host at the same moment, and the answer is used for a short while.

A resolver of packages asks for dozens of pages at once, and systems are slow at as many lookups of one name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import (
    IAddress,
    IHostnameResolver,
    IHostResolution,
    IReactorTime,
    IResolutionReceiver,
)
from zope.interface import implementer

from tiercache.cache.collapse import Collapse

KEPT_S = 30.0
"""How long a name that was found is not looked up again; one that was not is asked for each time."""


@frozen
class _Question:
    name: str
    port: int
    types: tuple[type[IAddress], ...] | None
    semantics: str


@implementer(IHostResolution)
@define(kw_only=True)
class _Resolution:
    name: str
    is_wanted: bool = True

    def cancel(self) -> None:
        """Tell nobody."""
        self.is_wanted = False


@implementer(IHostnameResolver)
@define(kw_only=True, eq=False)
class Lookups:
    """Another resolver's answers (`IHostnameResolver`)."""

    _resolver: IHostnameResolver
    _clock: IReactorTime
    _running: Collapse[_Question, tuple[Any, ...]] = field(factory=Collapse, init=False)
    _kept: dict[_Question, tuple[float, tuple[Any, ...]]] = field(factory=dict, init=False)

    def resolveHostName(  # noqa: N802 -- Twisted's name
        self,
        resolutionReceiver: IResolutionReceiver,  # noqa: N803 -- Twisted's name
        hostName: str,  # noqa: N803 -- Twisted's name
        portNumber: int = 0,  # noqa: N803 -- Twisted's name
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803 -- Twisted's name
        transportSemantics: str = "TCP",  # noqa: N803 -- Twisted's name
    ) -> IHostResolution:
        types = None if addressTypes is None else tuple(addressTypes)
        question = _Question(hostName, portNumber, types, transportSemantics)
        resolution = _Resolution(name=hostName)
        resolutionReceiver.resolutionBegan(resolution)
        ensureDeferred(self._tell(resolutionReceiver, question, resolution))
        return resolution

    async def _tell(self, receiver: IResolutionReceiver, question: _Question, resolution: _Resolution) -> None:
        addresses = await self._addresses(question)
        if resolution.is_wanted:
            for address in addresses:
                receiver.addressResolved(address)
            receiver.resolutionComplete()

    async def _addresses(self, question: _Question) -> tuple[Any, ...]:
        kept_until, addresses = self._kept.get(question, (0.0, ()))
        if addresses and self._clock.seconds() < kept_until:
            return addresses
        lookup, _ = self._running.join(question, lambda: self._look_up(question))
        return await lookup.result()

    async def _look_up(self, question: _Question) -> tuple[Any, ...]:
        found = await addresses_of(question.name, self._resolver, question.port, question.types, question.semantics)
        self._kept[question] = (self._clock.seconds() + KEPT_S, found)
        return found


async def addresses_of(
    name: str,
    resolver: IHostnameResolver,
    port: int = 0,
    types: Sequence[type[IAddress]] | None = None,
    semantics: str = "TCP",
) -> tuple[Any, ...]:
    """The addresses of a name (`IPv4Address`, `IPv6Address`); none where it is not known."""
    found: list[Any] = []
    complete: Deferred[None] = Deferred()
    receiver = Receiver(resolved=found.append, complete=lambda: complete.callback(None), began=lambda _resolution: None)
    resolver.resolveHostName(receiver, name, port, types, semantics)
    await complete
    return tuple(found)


@implementer(IResolutionReceiver)
@frozen(kw_only=True)
class Receiver:
    """Told of a name's addresses one by one (`IResolutionReceiver`)."""

    resolved: Callable[[Any], None]
    complete: Callable[[], None]
    began: Callable[[IHostResolution], None]

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:  # noqa: N802, N803 -- Twisted's name
        self.began(resolutionInProgress)

    def addressResolved(self, address: Any) -> None:  # noqa: N802 -- Twisted's name
        self.resolved(address)

    def resolutionComplete(self) -> None:  # noqa: N802 -- Twisted's name
        self.complete()
