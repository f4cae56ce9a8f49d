"""Work that nobody waits for: what a tier said is answered with before it is written down.

A node that is killed in between asks its tier again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from tiercache.errors import StoreFailed

log = Logger()


def let_go_on(writing: Awaitable[None], trouble: Callable[[StoreFailed], None]) -> None:
    """Let the store write; `trouble` hears, perhaps at once, that it could not."""

    async def to_its_end() -> None:
        try:
            await writing
        except StoreFailed as error:
            trouble(error)

    ensureDeferred(to_its_end()).addErrback(lambda failure: log.failure("something was not written", failure))
