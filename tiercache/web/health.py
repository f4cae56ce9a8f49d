"""`/healthz`: the process serves.  `/readyz`: it should be sent requests."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.web.server import Request

from tiercache.web.answer import Answer, text


@define(kw_only=True)
class Health:
    """`not_ready` gives the reason why no request should come here now (it stops, its store is unusable), or None."""

    _not_ready: Callable[[], str | None]

    async def alive(self, request: Request) -> Answer:
        """200 for as long as there is anyone to answer."""
        return text(200, "alive")

    async def ready(self, request: Request) -> Answer:
        """200, or 503 with the reason."""
        reason = self._not_ready()
        return text(200, "ready") if reason is None else text(503, f"not ready: {reason}", {"Retry-After": "5"})
