"""How long a tier has said nothing to requests that wait for it.

A client with something to fall back on waits for a tier no longer than its patience.  Were that counted for each page,
an install of sixty pages would wait for a tier that hangs sixty times; so it counts from when the tier fell silent.
"""

from __future__ import annotations

from attrs import evolve, frozen

FORGIVEN_AFTER_S = 30.0
"""A failure longer ago than this says nothing of now, if nothing was asked since."""


@frozen(kw_only=True)
class Silence:
    """Of one tier: the requests under way, since when none was answered, and when one last failed.

    Times in seconds of the same clock as every `now`.  Each event gives the next value.
    """

    under_way: int = 0
    since: float | None = None
    failed_at: float | None = None

    def asked(self, now: float) -> Silence:
        """A request was sent."""
        since = self.since if self.since is not None and not self._is_forgiven(now) else now
        return evolve(self, under_way=self.under_way + 1, since=since)

    def answered(self, now: float) -> Silence:
        """One of them was answered, so the others have waited in vain since now at the earliest."""
        under_way = max(0, self.under_way - 1)
        return Silence(under_way=under_way, since=now if under_way else None)

    def failed(self, now: float) -> Silence:
        """One of them failed, or was given up."""
        return evolve(self, under_way=max(0, self.under_way - 1), failed_at=now)

    def lasted_s(self, now: float) -> float:
        """For how long nothing was answered, in seconds; 0 while nothing is known against the tier."""
        if self.since is None or self._is_forgiven(now):
            return 0.0
        return max(0.0, now - self.since)

    def _is_forgiven(self, now: float) -> bool:
        return not self.under_way and (self.failed_at is None or not 0 <= now - self.failed_at <= FORGIVEN_AFTER_S)
