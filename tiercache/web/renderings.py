"""Pages that are ready to be sent, kept in memory up to a number of bytes, the least recently used leaving first.

What a rendering is made from, and when it is still true, is in its key; nothing here knows pages.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure


@frozen(kw_only=True)
class Rendering:
    """A body that is ready, with its strong entity tag."""

    body: bytes
    etag: str


@define(kw_only=True)
class Renderings:
    """Ready renderings, at most `limit_bytes` of them; each is made once, however many ask for it meanwhile."""

    _limit_bytes: int
    _ready: OrderedDict[Hashable, Rendering] = field(factory=OrderedDict, init=False)
    _awaited: dict[Hashable, list[Deferred[Rendering]]] = field(factory=dict, init=False)
    _held_bytes: int = field(default=0, init=False)

    @property
    def held_bytes(self) -> int:
        """The bodies kept now, in bytes."""
        return self._held_bytes

    def ready(self, key: Hashable) -> Rendering | None:
        """The rendering under this key, if there is one."""
        ready = self._ready.get(key)
        if ready is not None:
            self._ready.move_to_end(key)
        return ready

    async def rendering(self, key: Hashable, make: Callable[[], Awaitable[Rendering]]) -> Rendering:
        """The rendering under this key, made by `make` if there is none.

        What `make` raises is raised to everyone who waited, and not remembered.  A waiter that is cancelled cancels
        neither the others nor the making.
        """
        ready = self.ready(key)
        if ready is not None:
            return ready
        mine: Deferred[Rendering] = Deferred()
        if key in self._awaited:
            self._awaited[key].append(mine)
        else:
            self._awaited[key] = [mine]
            ensureDeferred(self._made(key, make)).addBoth(self._settle, key)
        return await mine

    async def _made(self, key: Hashable, make: Callable[[], Awaitable[Rendering]]) -> Rendering:
        made = await make()
        self.keep(key, made)
        return made

    def _settle(self, result: Rendering | Failure, key: Hashable) -> None:
        for waiter in self._awaited.pop(key):
            if isinstance(result, Failure):
                waiter.errback(result)
            else:
                waiter.callback(result)

    def keep(self, key: Hashable, made: Rendering) -> None:
        """From now on it is ready, for as long as there is room for it."""
        if key in self._ready or len(made.body) > self._limit_bytes:
            return
        self._ready[key] = made
        self._held_bytes += len(made.body)
        while self._held_bytes > self._limit_bytes:
            _, oldest = self._ready.popitem(last=False)
            self._held_bytes -= len(oldest.body)
