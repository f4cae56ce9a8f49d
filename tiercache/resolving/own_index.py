"""This node's own site on a port of the loopback interface, open for as long as a resolver reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from attrs import define, field
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort


@define(kw_only=True)
class OwnIndex:
    """`listen` opens a port of 127.0.0.1 that nobody has chosen; one is shared by all who read at the same time."""

    _listen: Callable[[], IListeningPort]
    _port: IListeningPort | None = field(default=None, init=False)
    _readers: int = field(default=0, init=False)

    @property
    def is_open(self) -> bool:
        """Whether somebody may read now."""
        return self._port is not None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[str]:
        """The root of the site, as a URL, for as long as the block runs.  Raises CannotListenError."""
        if self._port is None:
            self._port = self._listen()
        self._readers += 1
        try:
            yield f"http://127.0.0.1:{self._port.getHost().port}/"  # type: ignore[attr-defined]  # an IPv4Address
        finally:
            self._readers -= 1
            if self._readers == 0:
                port, self._port = self._port, None
                await maybeDeferred(port.stopListening)
