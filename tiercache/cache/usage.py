"""Which stored files are in use, and when each was last used: what eviction needs to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from attrs import define, field


@define(kw_only=True)
class Usage:
    """Noted in memory as clients come and go; the janitor writes the times down now and then."""

    _now: Callable[[], float]
    _in_use: Counter[str] = field(factory=Counter, init=False)
    _used_at: dict[str, float] = field(factory=dict, init=False)

    def begin(self, sha256: str) -> None:
        """Somebody reads this file from now on."""
        self._in_use[sha256] += 1
        self._used_at[sha256] = self._now()

    def end(self, sha256: str) -> None:
        """One reader fewer."""
        self._in_use[sha256] -= 1
        if self._in_use[sha256] <= 0:
            del self._in_use[sha256]

    def is_in_use(self, sha256: str) -> bool:
        """Whether anybody reads it now."""
        return sha256 in self._in_use

    def take_times(self) -> dict[str, float]:
        """When files were last used, by SHA-256, since the last call."""
        times, self._used_at = self._used_at, {}
        return times
