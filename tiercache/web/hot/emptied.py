"""Tells when a transport holds nothing any more of what was written to it."""

# ruff: noqa: N802  # the names of IPullProducer

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.internet.interfaces import IPullProducer
from zope.interface import implementer


@implementer(IPullProducer)
@define(eq=False)
class Emptied:
    """To be registered with the transport: it calls `act` once all is sent."""

    _act: Callable[[], None]
    is_registered: bool = False

    def resumeProducing(self) -> None:
        """The transport holds nothing; but for the first time, when it is registered."""
        if self.is_registered:
            self._act()
        self.is_registered = True

    def stopProducing(self) -> None:
        """The connection is gone, and what was written with it."""
