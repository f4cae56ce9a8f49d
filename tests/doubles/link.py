"""A link of a bounded bandwidth that all connections share: when bytes that are sent now have come through."""

from __future__ import annotations

from threading import Lock

from attrs import define, field


@define(kw_only=True)
class Link:
    """Carries `bandwidth_bytes` a second, one piece after the other; with none, any number at once."""

    bandwidth_bytes: int = 0
    _free_at: float = field(init=False, default=0.0)
    _lock: Lock = field(init=False, factory=Lock)

    def carried_at(self, size_bytes: int, now: float) -> float:
        """When so many bytes have come through, behind all that was sent before them; both in seconds of one clock."""
        if not self.bandwidth_bytes:
            return now
        with self._lock:
            self._free_at = max(self._free_at, now) + size_bytes / self.bandwidth_bytes
            return self._free_at
