"""Collapse: concurrent requests for one key share one piece of work (RFC 9211 calls it a collapsed forward).

The work belongs to nobody who waits for it: a waiter that leaves cancels only itself, and the work goes on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.signal import Signal
from tiercache.errors import TiercacheError

log = Logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@define(kw_only=True)
class Shared(Generic[V]):
    """One piece of work in progress, or its outcome."""

    _outcome: V | Failure | None = field(default=None, init=False)
    _is_done: bool = field(default=False, init=False)
    _done: Signal = field(factory=Signal, init=False)

    @property
    def is_done(self) -> bool:
        """Whether the outcome is there."""
        return self._is_done

    async def result(self) -> V:
        """The outcome, when it is there; raises what the work raised."""
        if not self._is_done:
            await self._done.wait()
        return self.outcome()

    def outcome(self) -> V:
        """The outcome of work that is done; raises what the work raised."""
        if isinstance(self._outcome, Failure):
            self._outcome.raiseException()
        return self._outcome  # type: ignore[return-value]  # done, and no failure: it is a V

    def wait(self) -> Deferred[None]:
        """Fires when the work has ended, well or badly; only for work that is not done."""
        return self._done.wait()

    def settle(self, outcome: V | Failure) -> None:
        """End the work (called once, by who does it)."""
        if isinstance(outcome, Failure) and not self._done.is_awaited and not outcome.check(TiercacheError):
            log.failure("work that nobody waits for any more failed", outcome)  # here or nowhere
        self._outcome = outcome
        self._is_done = True
        self._done.fire()


@define(kw_only=True)
class Collapse(Generic[K, V]):
    """The pieces of work in progress, by key."""

    _running: dict[K, Shared[V]] = field(factory=dict, init=False)

    def join(self, key: K, work: Callable[[], Awaitable[V]]) -> tuple[Shared[V], bool]:
        """The work in progress for `key`, begun now if there is none; and whether it was there before."""
        running = self._running.get(key)
        if running is not None:
            return running, True
        shared: Shared[V] = Shared()
        self._running[key] = shared

        async def run() -> V:
            return await work()

        def end(outcome: V | Failure) -> None:
            del self._running[key]
            shared.settle(outcome)

        ensureDeferred(run()).addBoth(end)
        return shared, False

    def __contains__(self, key: K) -> bool:
        return key in self._running

    def __len__(self) -> int:
        return len(self._running)
