"""Waiting for one thing in many places: every waiter gets a Deferred of its own.

A Deferred handed to two waiters gives the second nothing, and is cancelled for both when a client hangs up.
"""

from __future__ import annotations

from contextlib import suppress

from attrs import define, field
from twisted.internet.defer import Deferred


@define(kw_only=True)
class Signal:
    """Something happens, any number of times; whoever waits at that moment goes on."""

    _waiting: list[Deferred[None]] = field(factory=list, init=False)

    def wait(self) -> Deferred[None]:
        """Fires at the next `fire`.  Cancelling it takes away this waiter only."""
        waiter: Deferred[None] = Deferred(self._forget)
        self._waiting.append(waiter)
        return waiter

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits now."""
        return bool(self._waiting)

    def fire(self) -> None:
        """Let everybody go on who waits now."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.called:  # cancelled by one that went on before it
                waiter.callback(None)

    def _forget(self, waiter: Deferred[None]) -> None:
        with suppress(ValueError):  # the others are just being let go on
            self._waiting.remove(waiter)
