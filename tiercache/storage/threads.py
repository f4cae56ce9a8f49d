"""`Pool`s: the threads of a node, and the calling thread itself for the command line."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
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
    _nicer: int = 0
    _stopped: bool = field(default=False, init=False)
    _seen: threading.local = field(factory=threading.local, init=False)

    @classmethod
    def several(cls, reactor: IReactorFromThreads, *, name: str, most: int, nicer: int = 0) -> Self:
        """Up to `most` threads, for work whose parts do not wait for one another; `nicer` as in `make_nicer`."""
        return cls(reactor=reactor, threads=ThreadPool(minthreads=0, maxthreads=most, name=name), nicer=nicer)

    @classmethod
    def single(cls, reactor: IReactorFromThreads, *, name: str) -> Self:
        """One thread, which does what it is given in that order: the catalogue's writer."""
        return cls.several(reactor, name=name, most=1)

    async def __call__(self, function: Callable[..., T], /, *args: Any) -> T:
        if self._stopped:
            raise RuntimeError("these threads were stopped")  # a stopped ThreadPool would never answer
        return await deferToThreadPool(self._reactor, self._threads, self._worked, function, *args)

    def _worked(self, function: Callable[..., T], /, *args: Any) -> T:
        """What comes of the work, in the thread that does it."""
        if self._nicer and not hasattr(self._seen, "is_nicer"):
            self._seen.is_nicer = make_nicer(self._nicer)
        return function(*args)

    def start(self) -> None:
        """Begin to work."""
        self._threads.start()

    def stop(self) -> None:
        """Finish what was given, and end the threads; blocks until then, and what finishes then may find no reactor."""
        if not self._stopped:
            self._stopped = True
            self._threads.stop()


def make_nicer(by: int) -> bool:
    """Have the calling thread give way to others of the process, where the system does that for a thread alone."""
    if sys.platform != "linux":
        return False
    thread = threading.get_native_id()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + by)
        return True
    return False


async def on_the_spot(function: Callable[..., T], /, *args: Any) -> T:
    """A `Pool` that works on the calling thread, for a process that has no reactor (`tiercache fsck`, `pin`)."""
    return function(*args)
