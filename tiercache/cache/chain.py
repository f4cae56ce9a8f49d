"""The chain: the ordered upstreams seen as one.

Which tiers may be asked is `policy.selection`'s word, whether a tier is worth asking `policy.breaker`'s.  Here they
are asked, one after the other, and their answers become one.  Nothing is stored here.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable

from attrs import define, field
from twisted.internet.defer import ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.cache.switch import OfflineSwitch
from tiercache.errors import DigestMismatch, FileAbsent, LoopFound, ProjectAbsent, TiercacheError, TierUnreachable
from tiercache.interfaces import IUpstream
from tiercache.policy.breaker import Breaker, BreakerRules
from tiercache.policy.entry import Absent, Answer, Entry, Head, NotModified, Present, Unreachable, Validators
from tiercache.policy.hops import LOOP, Hops
from tiercache.policy.selection import ProjectRule, allowed_tiers
from tiercache.policy.silence import Silence
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import identity_of
from tiercache.stats import Stats

log = Logger()


@define(kw_only=True)
class Link:
    """One upstream in the chain, and what is known of how it answers."""

    upstream: IUpstream
    breaker: Breaker
    silence: Silence = field(factory=Silence)
    answered_at: float = -math.inf
    probe: IDelayedCall | None = None


@define(kw_only=True)
class Chain:
    """The upstreams in the order of the configuration.  None is asked anything while `switch` says offline."""

    _switch: OfflineSwitch
    _clock: IReactorTime
    _now: Callable[[], float]
    _rules: tuple[ProjectRule, ...]
    _breaker_rules: BreakerRules
    _stats: Stats
    _links: dict[str, Link] = field(factory=dict, init=False)
    _is_stopped: bool = field(default=False, init=False)

    def add(self, upstream: IUpstream) -> None:
        """Append an upstream; tier names are unique (the configuration sees to it)."""
        self._links[upstream.tier.name] = Link(upstream=upstream, breaker=Breaker(rules=self._breaker_rules))

    def stop(self) -> None:
        """No more probes."""
        self._is_stopped = True
        for link in self._links.values():
            if link.probe is not None and link.probe.active():
                link.probe.cancel()

    def silence_s(self, project: ProjectName) -> float:
        """For how many seconds the tier that would be asked first for this project has answered nothing."""
        for link in self._allowed(project):
            if link.breaker.may_ask(self._now()):
                return link.silence.lasted_s(self._now())
        return 0.0

    def may_answer(self, project: ProjectName, tier: str) -> bool:
        """Whether what this tier said of a project counts: the rules may have changed since it was asked.

        A tier that is not in the configuration any more counts where no rule names others.
        """
        return tier in allowed_tiers(project, self._rules, (*self._links, tier))

    async def page(self, project: ProjectName, entry: Entry | None, no_cache: bool, hops: Hops) -> Answer:
        """Ask tier by tier: the first that has the project answers alone.

        Absent only if every tier that may be asked said so; Unreachable if any said nothing usable and none of the
        others has the project; LOOP is the reason if nothing worse was in the way than that the tiers ask each other.
        """
        began = self._now()
        silent: Unreachable | None = None
        looped: Unreachable | None = None
        for link in self._allowed(project):
            tier = link.upstream.tier
            validators = Validators()
            if entry is not None and entry.page is not None and entry.head.tier == tier.name:
                validators = entry.head.validators
            try:
                return await self._ask(link, project, validators, no_cache, hops)
            except ProjectAbsent:
                continue
            except LoopFound:
                looped = Unreachable(tier=tier.name, reason=LOOP)
            except TierUnreachable as error:
                silent = silent or Unreachable(tier=tier.name, reason=error.reason, retry_after_s=error.retry_after_s)
        unanswered = silent or looped
        if unanswered is not None:
            return unanswered
        return Absent(head=Head(tier="", requested_at=began, received_at=self._now()))

    async def sources(
        self, project: ProjectName, file: File, tier: str, hops: Hops
    ) -> AsyncIterator[tuple[IUpstream, File]]:
        """Where a file may be fetched from, best first: the tier that listed it, then every other that lists the same.

        If the first is known to be down it comes last rather than never: a file host may answer where the index does
        not.  The others' pages are asked for only when a caller comes that far.
        """
        links = self._allowed(project)
        home = next((link for link in links if link.upstream.tier.name == tier), None)
        is_home_down = home is not None and not home.breaker.may_ask(self._now())
        if home is not None and not is_home_down and not self._switch.is_offline:
            yield home.upstream.behind(hops), file
        for link in links:
            if link is home:
                continue
            try:
                answer = await self._ask(link, project, Validators(), False, hops)
            except (ProjectAbsent, TierUnreachable):
                continue
            for other in answer.page.files if isinstance(answer, Present) else ():
                if other.filename == file.filename and identity_of(other) == identity_of(file):
                    yield link.upstream.behind(hops), other
        if home is not None and is_home_down and not self._switch.is_offline:
            yield home.upstream.behind(hops), file

    def heard(self, tier: str, error: TiercacheError | None, began_at: float | None = None) -> None:
        """Count an exchange with a tier: `error` is what it raised, None if it went well.

        A failure of a request begun before the tier's last answer tells nothing new: in a burst, the last ones time
        out while the first are answered.  An answer that lies ahead is none: the clock was set back since.
        """
        self._stats.digest_mismatches += isinstance(error, DigestMismatch)
        link = self._links.get(tier)
        if link is None:
            return
        if isinstance(error, TierUnreachable) and not isinstance(error, LoopFound):
            if began_at is None or not began_at <= link.answered_at <= self._now():
                self._fell_silent(link, error)
            else:
                self._stats.tier_failures += 1
        elif error is None or isinstance(error, FileAbsent | ProjectAbsent | LoopFound):
            link.answered_at = self._now()
            link.breaker = link.breaker.succeeded()

    def _allowed(self, project: ProjectName) -> list[Link]:
        names = allowed_tiers(project, self._rules, tuple(self._links))
        return [self._links[name] for name in names]

    async def _ask(
        self, link: Link, project: ProjectName, validators: Validators, no_cache: bool, hops: Hops
    ) -> Present | NotModified:
        """Ask one tier, unless it is known to be down: a client never waits for that."""
        tier = link.upstream.tier.name
        if self._switch.is_offline:
            raise TierUnreachable(tier=tier, reason="offline")
        if not link.breaker.may_ask(self._now()):
            raise TierUnreachable(
                tier=tier, reason="breaker-open", retry_after_s=link.breaker.seconds_to_probe(self._now())
            )
        self._stats.tier_requests += 1
        began_at = self._now()
        link.silence = link.silence.asked(began_at)
        has_answered = False
        try:
            answer = await link.upstream.behind(hops).page(project, validators, no_cache)
            has_answered = True
        except (ProjectAbsent, TierUnreachable) as error:
            has_answered = isinstance(error, ProjectAbsent | LoopFound)
            self.heard(tier, error, began_at)
            raise
        finally:
            now = self._now()
            link.silence = link.silence.answered(now) if has_answered else link.silence.failed(now)
        self.heard(tier, None)
        return answer

    def _fell_silent(self, link: Link, error: TierUnreachable) -> None:
        self._stats.tier_failures += 1
        was_closed = link.breaker.may_ask(self._now())
        link.breaker = link.breaker.failed(self._now(), error.retry_after_s)
        if was_closed and not link.breaker.may_ask(self._now()):
            self._stats.breakers_opened += 1
            log.warn("tier {tier} is taken for down: {reason}", tier=error.tier, reason=error.reason)
            self._probe_later(link)

    def _probe_later(self, link: Link, at_least_s: float = 0.0) -> None:
        if link.probe is not None and link.probe.active():
            link.probe.cancel()  # of a time when it was down before
        if not self._is_stopped:
            delay_s = max(at_least_s, link.breaker.seconds_to_probe(self._now()))
            link.probe = self._clock.callLater(delay_s, self._begin_probe, link)

    def _begin_probe(self, link: Link) -> None:
        ensureDeferred(self._probe(link)).addErrback(self._probe_broke, link)

    def _probe_broke(self, failure: Failure, link: Link) -> None:
        """What was not foreseen must not shut a tier out for good."""
        log.failure("a probe of tier {tier} failed", failure, tier=link.upstream.tier.name)
        link.breaker = link.breaker.failed(self._now())
        self._probe_later(link)

    async def _probe(self, link: Link) -> None:
        if not link.breaker.wants_probe(self._now()):
            if not link.breaker.may_ask(self._now()):
                self._probe_later(link)  # the tier asked for more time meanwhile
            return
        if self._switch.is_offline:
            self._probe_later(link, self._breaker_rules.probe_every_s)
            return
        link.breaker = link.breaker.probing(self._now())
        try:
            await link.upstream.probe()
        except TierUnreachable as error:
            link.breaker = link.breaker.failed(self._now(), error.retry_after_s)
            self._probe_later(link)
        else:
            log.info("tier {tier} answers again", tier=link.upstream.tier.name)
            link.silence = Silence(under_way=link.silence.under_way)
            link.breaker = link.breaker.succeeded()
