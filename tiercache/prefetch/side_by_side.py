"""Doing the same with many things, some at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from twisted.internet.defer import Deferred, FirstError, gatherResults

T = TypeVar("T")


async def side_by_side(things: Iterable[T], act: Callable[[T], Awaitable[None]], most: int) -> None:
    """Do something with each, at most so many at a time, in order; returns when all is done.

    Cancelling it cancels what is under way, and begins nothing more.  Raises what the first raises that does.
    """
    waiting = deque(things)

    async def work() -> None:
        while waiting:
            await act(waiting.popleft())

    workers = [Deferred.fromCoroutine(work()) for _ in range(min(most, len(waiting)))]
    try:
        await gatherResults(workers, consumeErrors=True)
    except FirstError as first:
        waiting.clear()
        for worker in workers:
            worker.cancel()
        first.subFailure.raiseException()
