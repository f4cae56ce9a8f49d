"""A link of the chain: one upstream, and what is known of how it answers.

Its index and the place of its files are watched apart: a file host that is down says nothing of the index.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.watch import Watch
from tiercache.errors import (
    FileAbsent,
    FileRefused,
    LoopFound,
    NotANode,
    ProjectAbsent,
    TiercacheError,
    TierUnreachable,
    TierWithoutAnswer,
)
from tiercache.interfaces import IUpstream, Tier
from tiercache.policy.breaker import Breaker, BreakerRules
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import Hops
from tiercache.policy.silence import Silence
from tiercache.simple.model import File, ProjectName
from tiercache.stats import Stats

T = TypeVar("T")

SIBLING = "sibling"
"""The kind of a tier that is asked for files alone."""


class _GoneDownError(Exception):
    """A tier was taken for down while it was waited for."""


@frozen(kw_only=True)
class LinkState:
    """What is known of a tier: `state` as in `wire.TierState`; `round_trip_s` of the last exchange, or None."""

    name: str
    kind: str
    state: Literal["up", "down", "unknown"]
    round_trip_s: float | None


@define(kw_only=True, eq=False)
class Link:
    """One upstream in the chain.  It is asked nothing while `switch` says offline."""

    upstream: IUpstream
    _clock: IReactorTime
    _now: Callable[[], float]
    _switch: OfflineSwitch
    _breaker_rules: BreakerRules
    _stats: Stats
    index: Watch = field(init=False)
    files: Watch = field(init=False)
    _silence: Silence = field(factory=Silence, init=False)
    _round_trip_s: float | None = field(default=None, init=False)
    _without_answer_at: float = field(default=-math.inf, init=False)
    _failed_file: File | None = field(default=None, init=False)

    @index.default
    def _watched_index(self) -> Watch:
        return Watch(
            what=f"tier {self.name}",
            breaker=Breaker(rules=self._breaker_rules),
            clock=self._clock,
            now=self._now,
            switch=self._switch,
            stats=self._stats,
            send_probe=self._probe_index,
            came_back=self._forgive,
        )

    @files.default
    def _watched_files(self) -> Watch:
        return Watch(
            what=f"where tier {self.name} has its files",
            breaker=Breaker(rules=self._breaker_rules),
            clock=self._clock,
            now=self._now,
            switch=self._switch,
            stats=self._stats,
            send_probe=self._probe_files,
        )

    @property
    def tier(self) -> Tier:
        """The tier that it leads to."""
        tier: Tier = self.upstream.tier
        return tier

    @property
    def name(self) -> str:
        """Its tier's name."""
        return self.tier.name

    @property
    def is_sibling(self) -> bool:
        """Whether it is asked for nothing but files that it has already."""
        return self.tier.kind == SIBLING

    @property
    def state(self) -> LinkState:
        """What is known of it now."""
        watch = self.files if self.is_sibling else self.index
        known: Literal["up", "down", "unknown"] = "unknown"
        if not watch.is_closed:
            known = "down"
        elif watch.answered_at > -math.inf:
            known = "up"
        return LinkState(name=self.name, kind=self.tier.kind, state=known, round_trip_s=self._round_trip_s)

    def stop(self) -> None:
        """No more probes."""
        self.index.stop()
        self.files.stop()

    def is_well(self) -> None:
        """It has answered something else: what is asked of it on connections that died meanwhile says nothing."""
        self._forgive()
        self.heard(None)

    def silence_s(self) -> float:
        """For how many seconds its index has answered nothing to those who wait for it."""
        return self._silence.lasted_s(self._now())

    def is_at_ease(self, slow_s: float) -> bool:
        """Whether it is well, and answers within `slow_s`: its last answer to each kind of question was no failure."""
        is_well = all(watch.is_closed and watch.breaker.failures == 0 for watch in (self.index, self.files))
        return is_well and self.silence_s() <= slow_s and (self._round_trip_s or 0.0) <= slow_s

    def is_worth_asking_again(self, since: float) -> bool:
        """Whether it may know by now what it could not say at `since` (seconds since 1970).

        One that is up and cannot say is asked again each time that a probe would be sent to one that is down.
        """
        wait_s, now = self._breaker_rules.probe_every_s, self._now()
        if not self.index.is_closed or self._switch.is_offline:
            return False
        return not (0 <= now - self._without_answer_at < wait_s and 0 <= now - since < wait_s)

    async def page(
        self, project: ProjectName, validators: Validators, no_cache: bool, hops: Hops, hints: Hints = NO_HINTS
    ) -> Present | NotModified:
        """As `IUpstream.page`, unless the tier is known to be down: a client never waits for that."""
        if self._switch.is_offline:
            raise TierUnreachable(tier=self.name, reason="offline")
        if not self.index.is_closed:
            raise self._known_down()
        self._stats.tier_requests += 1
        began_at = self._now()
        self._silence = self._silence.asked(began_at)
        has_answered = False
        try:
            answer = await self._while_up(lambda: self.upstream.behind(hops, hints).page(project, validators, no_cache))
            has_answered = True
        except _GoneDownError:
            raise self._known_down() from None
        except (ProjectAbsent, TierUnreachable) as error:
            has_answered = isinstance(error, ProjectAbsent | LoopFound | TierWithoutAnswer)
            self.heard(error, began_at)
            raise
        finally:
            now = self._now()
            self._silence = self._silence.answered(now) if has_answered else self._silence.failed(now)
            if has_answered:
                self._round_trip_s = max(0.0, now - began_at)
        self.heard(None)
        return answer

    async def _while_up(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What was asked for.  Raises _GoneDownError once the index is taken for down: nobody waits for it any more."""

        async def run() -> T:
            return await ask()

        asked = Deferred.fromCoroutine(run())
        gone_down = self.index.gone_down.wait()
        gone_down.addCallbacks(lambda _: asked.cancel(), lambda _: None)
        try:
            return await asked
        except CancelledError:
            if not self.index.is_closed:
                raise _GoneDownError from None
            raise
        finally:
            gone_down.cancel()

    def _known_down(self) -> TierUnreachable:
        return TierUnreachable(tier=self.name, reason="breaker-open", retry_after_s=self.index.seconds_to_probe())

    def heard(self, error: TiercacheError | None, began_at: float | None = None) -> None:
        """Count an exchange with the index: what it raised, None if it went well."""
        match error:
            case TierWithoutAnswer():
                # That it cannot say this is an answer of a tier that is well: its own tiers are down, not it.
                self._without_answer_at = self._now()
                self.index.answered()
            case None | LoopFound() | ProjectAbsent() | FileAbsent():
                self.index.answered()
            case NotANode():
                pass  # it was asked for what only nodes offer: whether it is well is not known
            case TierUnreachable():
                self.index.failed(error, began_at)

    def file_heard(self, file: File, error: TiercacheError | None, began_at: float | None = None) -> None:
        """The same of a file, or of some bytes of it, or its sidecar."""
        match error:
            case None | LoopFound() | TierWithoutAnswer() | FileAbsent() | FileRefused():
                self.files.answered()
            case NotANode():
                pass
            case TierUnreachable():
                self._failed_file = file
                self.files.failed(error, began_at)

    def _forgive(self) -> None:
        self._silence = Silence(under_way=self._silence.under_way)

    async def _probe_index(self) -> None:
        began_at = self._now()
        await self.upstream.probe()
        self._round_trip_s = max(0.0, self._now() - began_at)

    async def _probe_files(self) -> None:
        """Ask for the length of what could not be had last: files may be elsewhere than the index."""
        if self.is_sibling or self._failed_file is None:
            await self._probe_index()
        else:
            await self.upstream.file_size(self._failed_file)
