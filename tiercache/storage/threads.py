"""`Pool`s: the threads of a node, and the calling thread itself for the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


@define(kw_only=True, eq=False)
class ReactorThreads:
    """A `Pool` of threads of its own, whose results arrive on the reactor's thread.

    Made by `several` or `single`.  Between `start` and `stop` it can be called; work given to it before `start`
    waits for that.
    """

    _reactor: IReactorFromThreads
    _threads: ThreadPool
    _stopped: bool = field(default=False, init=False)

    @classmethod
    def several(cls, reactor: IReactorFromThreads, *, name: str, most: int) -> Self:
        """Up to `most` threads, for work whose parts do not wait for one another."""
        return cls(reactor=reactor, threads=ThreadPool(minthreads=0, maxthreads=most, name=name))

    @classmethod
    def single(cls, reactor: IReactorFromThreads, *, name: str) -> Self:
        """One thread, which does what it is given in that order: the catalogue's writer."""
        return cls.several(reactor, name=name, most=1)

    async def __call__(self, function: Callable[..., T], /, *args: Any) -> T:
        if self._stopped:
            raise RuntimeError("these threads were stopped")  # a stopped ThreadPool would never answer
        return await deferToThreadPool(self._reactor, self._threads, function, *args)

    def start(self) -> None:
        """Begin to work."""
        self._threads.start()

    def stop(self) -> None:
        """Finish what was given, and end the threads; blocks until then, and what finishes then may find no reactor."""
        if not self._stopped:
            self._stopped = True
            self._threads.stop()


async def on_the_spot(function: Callable[..., T], /, *args: Any) -> T:
    """A `Pool` that works on the calling thread, for a process that has no reactor (`tiercache fsck`, `pin`)."""
    return function(*args)
