"""Instruments that make asynchronous code synchronous in tests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

T = TypeVar("T")


async def at_once(function: Callable[..., T], /, *args: Any) -> T:
    """A `Pool` that runs the work on the spot."""
    return function(*args)


def begun(awaitable: Awaitable[T]) -> Deferred[T]:
    """Start a coroutine, and return the Deferred of its end."""

    async def run() -> T:
        return await awaitable

    return ensureDeferred(run())


def ends_with(awaitable: Awaitable[T]) -> list[T | Failure]:
    """A list in which what an awaitable gives will stand, once it does; also the failure that it ends with."""
    outcomes: list[T | Failure] = []
    begun(awaitable).addBoth(outcomes.append)
    return outcomes


def result_of(awaitable: Awaitable[T]) -> T:
    """What an awaitable that is already done gives, or the exception it raises; an AssertionError if it still waits."""
    outcomes: list[Any] = []
    begun(awaitable).addBoth(outcomes.append)
    assert outcomes, "still waiting"
    if isinstance(outcomes[0], Failure):
        outcomes[0].raiseException()
    return outcomes[0]  # type: ignore[no-any-return]  # the list holds what the Deferred gave
