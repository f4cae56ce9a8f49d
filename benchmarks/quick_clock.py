# ruff: noqa: N802 -- Twisted's names
# mypy: disallow-untyped-calls=False
# Twisted's delayed calls have no types.
"""Fake time for thousands of nodes: what `twisted.internet.task.Clock` is, on a heap instead of a sorted list."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

MOST_TURNS = 100_000
"""More than this without any time passing is taken for a circle."""


class QuickClock(Clock):
    """Time that passes only when `advance` is called."""

    def __init__(self) -> None:
        super().__init__()
        self._heap: list[tuple[float, int, DelayedCall]] = []
        self._numbers = count()

    def callLater(self, when: float, what: Callable[..., object], *a: Any, **kw: Any) -> IDelayedCall:
        call = DelayedCall(self.seconds() + when, what, a, kw, self._forget, self._again, self.seconds)
        self._again(call)
        return call

    def getDelayedCalls(self) -> Any:
        return [call for at, _, call in self._heap if call.active() and at == call.getTime()]

    def advance(self, amount: float) -> None:
        """Let time pass, each call being made at its own time."""
        end = self.seconds() + amount
        while self._heap and self._heap[0][0] <= end:
            self._to(max(self.seconds(), self._heap[0][0]))
            self.settle()
        self._to(end)

    def settle(self) -> None:
        """Make the calls that are due now, and those that they make for now."""
        for _ in range(MOST_TURNS):
            if not self._heap or self._heap[0][0] > self.seconds():
                return
            at, _number, call = heapq.heappop(self._heap)
            if not call.active():
                continue
            if call.getTime() > at:  # it has been put off
                self._again(call)
                continue
            call.called = 1
            call.func(*call.args, **call.kw)
        raise AssertionError("it never settles")

    def _to(self, seconds: float) -> None:
        self.rightNow = seconds

    def _again(self, call: DelayedCall) -> None:
        heapq.heappush(self._heap, (call.getTime(), next(self._numbers), call))

    def _forget(self, call: DelayedCall) -> None:
        """A cancelled call stays in the heap until its time has come."""
