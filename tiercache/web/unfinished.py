"""Waiting for what may take long, without keeping a node that stops from stopping."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar, cast

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.web.server import Request

from tiercache.web.channel import NodeRequest

T = TypeVar("T")


async def unless_stopping(request: Request, awaitable: Awaitable[T]) -> T | None:
    """What is waited for; None where the node stops before, which cancels it, as the client's leaving does."""

    async def waited() -> T:
        return await awaitable

    waiting: Deferred[T] = ensureDeferred(waited())
    is_stopping = False

    def end() -> None:
        nonlocal is_stopping
        is_stopping = True
        waiting.cancel()

    cast("NodeRequest", request).when_draining(end)
    try:
        return await waiting
    except CancelledError:
        if is_stopping:
            return None
        raise
