"""A child process, watched: it has so many seconds and may say so much, and its own children end with it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tiercache.cache.signal import Signal

Cut = Literal["deadline", "flood", "stop"]
"""Why it was ended: it took too long, it said too much, or nobody waits for it any more."""

NICER = 10
"""By so much a child is nicer than the node, whose clients are not to wait while a resolver computes."""

_OF_ITS_OWN = (
    f"import os, sys; os.setpgrp(); os.nice({NICER}); os.chdir(sys.argv[1]); os.execv(sys.argv[2], sys.argv[2:])"
)
"""What makes a process, before it is the program, the head of a group of its own, which one signal ends.

It goes to the folder too: a process that is to begin elsewhere is made by Twisted as a copy of the node (fork), which
takes up to 10 ms in which nobody is answered; another at once (posix_spawn).
"""


@frozen(kw_only=True)
class Ended:
    """How it ended.  `status` None: by `signal`, which somebody sent it.  `cut`: we did."""

    status: int | None
    signal: int | None
    out: bytes
    err: bytes
    cut: Cut | None


@define(eq=False, slots=False)
class Child(ProcessProtocol):
    """A process, once it is spawned.  `most_bytes`: of each of its two outputs."""

    most_bytes: int
    ended: Ended | None = field(default=None, init=False)
    _gone: Signal = field(factory=Signal, init=False)
    _said: dict[int, bytearray] = field(factory=lambda: {1: bytearray(), 2: bytearray()}, init=False)
    _pid: int | None = field(default=None, init=False)
    _cut: Cut | None = field(default=None, init=False)

    def connectionMade(self) -> None:  # noqa: N802  # twisted's name
        """See `ProcessProtocol`."""
        transport: Any = self.transport
        self._pid = transport.pid
        transport.closeStdin()

    def childDataReceived(self, childFD: int, data: bytes) -> None:  # noqa: N802, N803  # twisted's names
        """See `ProcessProtocol`."""
        said = self._said[childFD]
        room = self.most_bytes - len(said)
        said += data[:room]
        if len(data) > room:
            self.cut("flood")

    def processEnded(self, reason: Failure) -> None:  # noqa: N802  # twisted's name
        """See `ProcessProtocol`: it has ended, and so has whoever could still say something."""
        self._pid = None
        how: Any = reason.value
        self.ended = Ended(
            status=how.exitCode, signal=how.signal, out=bytes(self._said[1]), err=bytes(self._said[2]), cut=self._cut
        )
        self._gone.fire()

    async def end(self) -> Ended:
        """How it ended, once it has."""
        while self.ended is None:
            await self._gone.wait()
        return self.ended

    def cut(self, why: Cut) -> None:
        """End it, and whom it has started; nothing where it has ended."""
        if self._pid is None:
            return
        self._cut = self._cut or why
        if hasattr(os, "killpg"):
            with suppress(ProcessLookupError, PermissionError):  # it is the head of no group yet
                os.killpg(self._pid, signal.SIGKILL)
        transport: Any = self.transport
        with suppress(ProcessExitedAlready):
            transport.signalProcess("KILL")


@define(kw_only=True)
class Children:
    """The processes that are running; `most_bytes` and `deadline_s` hold for each."""

    _reactor: Any
    _clock: IReactorTime
    _most_bytes: int
    _deadline_s: float
    _running: set[Child] = field(factory=set, init=False)

    async def run(self, program: str, arguments: Sequence[str], environment: Mapping[str, str], folder: str) -> Ended:
        """Run a program to its end, in a folder.  Who cancels this ends it, and waits until it is gone.

        Raises OSError where it cannot be started.
        """
        child = Child(self._most_bytes)
        words = [program, *arguments]
        begins_in: str | None = folder
        if hasattr(os, "setpgrp"):
            words, begins_in = [sys.executable, "-I", "-S", "-c", _OF_ITS_OWN, folder, *words], None
        self._reactor.spawnProcess(child, words[0], words, env=dict(environment), path=begins_in)
        self._running.add(child)
        deadline = self._clock.callLater(self._deadline_s, child.cut, "deadline")
        try:
            return await child.end()
        except CancelledError:
            child.cut("stop")
            await child.end()
            raise
        finally:
            self._running.discard(child)
            if deadline.active():
                deadline.cancel()

    async def stop(self) -> None:
        """End them all."""
        for child in list(self._running):
            child.cut("stop")
            await child.end()
