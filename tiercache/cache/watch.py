"""A watch over one service of a tier (its index, or where its files are): is it worth asking?

It counts exchanges in a breaker, and while that is open sends the probes that close it again, so that no client pays
for a tier that is down.  What an exchange was about is `chain`'s affair.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from contextlib import suppress

from attrs import define, field
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.signal import Signal
from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import FileAbsent, LoopFound, TierUnreachable, TierWithoutAnswer
from tiercache.policy.breaker import Breaker
from tiercache.stats import Stats

log = Logger()


@define(kw_only=True, eq=False)
class Watch:
    """One service: `what` names it for people.

    `send_probe` is one cheap exchange, and raises TierUnreachable where the service is still down.  `came_back` is
    called when a probe was answered.  `answered_at` in seconds since 1970, before any answer minus infinity.
    `gone_down` fires when it is taken for down for its silence; not when it asks for time, which it does by answering.
    """

    what: str
    breaker: Breaker
    _clock: IReactorTime
    _now: Callable[[], float]
    _switch: OfflineSwitch
    _stats: Stats
    _send_probe: Callable[[], Awaitable[object]]
    _came_back: Callable[[], None] = lambda: None
    answered_at: float = field(default=-math.inf, init=False)
    gone_down: Signal = field(factory=Signal, init=False)
    _next_probe: IDelayedCall | None = field(default=None, init=False)
    _is_doubting: bool = field(default=False, init=False)
    _is_stopped: bool = field(default=False, init=False)

    @property
    def is_closed(self) -> bool:
        """Whether a client's request may be sent."""
        return self.breaker.may_ask(self._now())

    def seconds_to_probe(self) -> float:
        """How long until something may be known of a service that is down."""
        return self.breaker.seconds_to_probe(self._now())

    def stop(self) -> None:
        """No more probes."""
        self._is_stopped = True
        self._call_off()

    def answered(self) -> None:
        """It gave an answer, be it that it does not have what was asked for."""
        self.answered_at = self._now()
        self.breaker = self.breaker.succeeded()

    def failed(self, error: TierUnreachable, began_at: float | None) -> None:
        """It gave nothing usable.

        A failure of a request begun before its last answer tells nothing new: in a burst, the last ones time out while
        the first are answered.  An answer that lies ahead is none: the clock was set back since.
        """
        self._stats.tier_failures += 1
        if began_at is not None and began_at <= self.answered_at <= self._now():
            return
        self._become(self.breaker.failed(self._now(), error.retry_after_s), error)

    def doubt(self) -> None:
        """Something else tells that it is in trouble: send a probe now, whose failure is enough to take it for down."""
        if not self._is_stopped and self.is_closed and not self._is_doubting and not self._switch.is_offline:
            self._is_doubting = True
            ensureDeferred(self._look()).addErrback(self._broke)

    # -- probes -----------------------------------------------------------------------------------------------

    def _become(self, breaker: Breaker, error: TierUnreachable) -> None:
        was_closed, self.breaker = self.is_closed, breaker
        if was_closed and not self.is_closed:
            self._stats.breakers_opened += 1
            log.warn("{what} is taken for down: {reason}", what=self.what, reason=error.reason)
            self._probe_later()
            if error.retry_after_s is None:
                self.gone_down.fire()

    async def _look(self) -> None:
        began_at = self._now()
        try:
            await self._probed()
        except TierUnreachable as error:
            if not began_at <= self.answered_at <= self._now():
                self._become(self.breaker.failed_in_doubt(self._now(), error.retry_after_s), error)
        else:
            self.answered()
        finally:
            self._is_doubting = False

    async def _probed(self) -> None:
        with suppress(FileAbsent, LoopFound, TierWithoutAnswer):  # it answers, if not this
            await self._send_probe()

    def _probe_later(self, at_least_s: float = 0.0) -> None:
        self._call_off()  # of a time when it was down before
        if not self._is_stopped:
            delay_s = max(at_least_s, self.seconds_to_probe())
            self._next_probe = self._clock.callLater(delay_s, self._begin_probe)

    def _call_off(self) -> None:
        if self._next_probe is not None and self._next_probe.active():
            self._next_probe.cancel()

    def _begin_probe(self) -> None:
        ensureDeferred(self._probe()).addErrback(self._broke)

    def _broke(self, failure: Failure) -> None:
        """What was not foreseen must not shut a tier out for good."""
        log.failure("a probe of {what} failed", failure, what=self.what)
        self.breaker = self.breaker.failed(self._now())
        if not self.is_closed:
            self._probe_later()

    async def _probe(self) -> None:
        if not self.breaker.wants_probe(self._now()):
            if not self.is_closed:
                self._probe_later()  # the tier asked for more time meanwhile
            return
        if self._switch.is_offline:
            self._probe_later(self.breaker.rules.probe_every_s)
            return
        self.breaker = self.breaker.probing(self._now())
        try:
            await self._probed()
        except TierUnreachable as error:
            self.breaker = self.breaker.failed(self._now(), error.retry_after_s)
            if not self.is_closed:
                self._probe_later()
        else:
            log.info("{what} answers again", what=self.what)
            self._came_back()
            self.answered()
