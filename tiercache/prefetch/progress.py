"""How fast something comes, and how long the rest will take, by what came of late.  Pure."""

from __future__ import annotations

from attrs import evolve, frozen

WINDOW_S = 10.0
"""A rate is that of so many seconds."""

STEP_S = 0.5
"""What comes within so short a time is one step, so that a second of many small files takes no more room."""


@frozen(kw_only=True)
class Progress:
    """`steps`: when (seconds since 1970), and how many bytes had come in all by then; the oldest first."""

    steps: tuple[tuple[float, int], ...] = ()

    @property
    def bytes_done(self) -> int:
        """How many bytes have come."""
        return self.steps[-1][1] if self.steps else 0

    def grown(self, size_bytes: int, now: float) -> Progress:
        """So many bytes more have come; less than none, where some of them came to nothing."""
        done = (now, max(0, self.bytes_done + size_bytes))
        steps = self.steps if self.steps and self.steps[-1][0] <= now else ()  # a clock that was set back begins anew
        if len(steps) > 1 and now - steps[-2][0] < STEP_S:
            steps = steps[:-1]
        kept = tuple(step for step in steps if now - step[0] <= WINDOW_S)
        # The last step before the window tells what had come when the window began.
        before = tuple(step for step in steps if now - step[0] > WINDOW_S)[-1:]
        return evolve(self, steps=(*before, *kept, done))

    def rate(self, now: float) -> float | None:
        """Bytes a second over the last seconds; None while nothing can be said."""
        if not self.steps:
            return None
        earlier = [step for step in self.steps if now - step[0] > WINDOW_S]
        began_at, began_with = earlier[-1] if earlier else self.steps[0]
        began_at = max(began_at, now - WINDOW_S) if earlier else began_at
        lasted_s = now - began_at
        if lasted_s < STEP_S:
            return None
        return max(0.0, (self.bytes_done - began_with) / lasted_s)

    def left_s(self, left_bytes: int, now: float) -> float | None:
        """How long so many bytes take at that rate; None while nothing comes."""
        rate = self.rate(now)
        if left_bytes <= 0:
            return 0.0
        return left_bytes / rate if rate else None
