"""How fast prefetches may take bytes from the tiers, all of them together."""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater


@define(kw_only=True, eq=False)
class Bandwidth:
    """`bytes_per_s` None: as much as there is."""

    _clock: IReactorTime
    bytes_per_s: int | None = None
    _is_free_at: float = field(default=0.0, init=False)

    async def wait(self, size_bytes: int) -> None:
        """Returns when so many bytes, after those of all who came before, have had their time."""
        if self.bytes_per_s is None:
            return
        now = self._clock.seconds()
        self._is_free_at = max(self._is_free_at, now) + size_bytes / self.bytes_per_s
        await deferLater(self._clock, self._is_free_at - now)
