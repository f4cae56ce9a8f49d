"""Whether a tier is worth asking: closed (ask), open (do not), half-open (one probe is under way).

A breaker is a value, and each event gives the next one.  Client traffic asks only a closed breaker; what opens it
again are probes, which run in the background so that no client pays for a dead tier.
"""

from __future__ import annotations

from typing import Literal

from attrs import evolve, frozen


@frozen(kw_only=True)
class BreakerRules:
    """`failures` in a row open the breaker; while it is open there is a probe each `probe_every_s`.

    `longest_s` bounds what a tier's Retry-After may ask for.  A probe of which nothing was heard for
    `probe_lost_after_s` counts as lost, so that none that was dropped shuts a tier out for good.
    """

    failures: int = 3
    probe_every_s: float = 10.0
    longest_s: float = 600.0
    probe_lost_after_s: float = 60.0


@frozen(kw_only=True)
class Breaker:
    """The state of one tier.

    `failures` in a row so far.  `until`: when open, the time of the next probe; when half-open, the time at which
    the probe under way counts as lost; in seconds of the same clock as every `now`.
    """

    rules: BreakerRules = BreakerRules()
    state: Literal["closed", "open", "half-open"] = "closed"
    failures: int = 0
    until: float = 0.0

    def may_ask(self, now: float) -> bool:
        """Whether a client's request may be sent to the tier.

        Not even after `until`: then a probe is due, and the probe is not a client's.
        """
        return self.state == "closed"

    def wants_probe(self, now: float) -> bool:
        """Whether to send a probe now: never while closed, nor while one is under way."""
        return self.state != "closed" and self.seconds_to_probe(now) == 0.0

    def seconds_to_probe(self, now: float) -> float:
        """How long until `wants_probe`, unless something is heard before: 0 if a probe is due, or none is needed."""
        if self.state == "closed":
            return 0.0
        rules, wait_s = self.rules, max(0.0, self.until - now)
        # Further ahead than anything was ever put: the clock was set back, and waiting for it would take too long.
        longest_s = max(rules.longest_s, rules.probe_every_s, rules.probe_lost_after_s)
        return 0.0 if wait_s > longest_s else wait_s

    def probing(self, now: float) -> Breaker:
        """A probe was sent; the one who sends it has asked `wants_probe`, or waited for `seconds_to_probe`."""
        if self.state == "closed":
            return self
        return evolve(self, state="half-open", until=now + self.rules.probe_lost_after_s)

    def succeeded(self) -> Breaker:
        """The tier answered, be it that it has no such project."""
        return Breaker(rules=self.rules)

    def failed(self, now: float, retry_after_s: float | None = None) -> Breaker:
        """The tier gave nothing usable; `retry_after_s` is what it asked for with a 429 or 503."""
        failures = self.failures + 1
        told_s = min(retry_after_s, self.rules.longest_s) if retry_after_s is not None and retry_after_s > 0 else None
        match self.state:
            case "closed" if told_s is None and failures < self.rules.failures:
                return evolve(self, failures=failures)
            case "open":
                # A request sent before it opened: no reason to put the probe off, unless the tier says so.
                return self if told_s is None else evolve(self, failures=failures, until=max(self.until, now + told_s))
            case _:
                wait_s = self.rules.probe_every_s if told_s is None else told_s
                return evolve(self, state="open", failures=failures, until=now + wait_s)

    def failed_in_doubt(self, now: float, retry_after_s: float | None = None) -> Breaker:
        """A probe failed that was sent because something else told of trouble already: two signs are enough."""
        doubted = evolve(self, failures=max(self.failures, self.rules.failures - 1))
        return doubted.failed(now, retry_after_s)
