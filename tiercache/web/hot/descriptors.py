"""Open files for those who send them: one that several send at once, or one after the other, is opened once, and is in
memory from the second time on.

What nobody sends is closed after a moment: a file that leaves the store is to give its room back.
"""

from __future__ import annotations

import io
import math
import os
from contextlib import suppress
from typing import BinaryIO

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from tiercache.errors import TiercacheError
from tiercache.web.answer import IStoredFile
from tiercache.web.hot.in_memory import IInMemory, Memory
from tiercache.web.hot.sweep import Sweep

KEPT_S = 1.0
MOST_KEPT = 64

LOOKED_AT_S = 0.1
"""For how long a file that was whole counts as whole: to look takes a tenth of what it takes to send a small one.  One
that others cut short meanwhile is found out when its bytes end too soon."""

NOTHING = memoryview(b"")


@define(kw_only=True, eq=False)
class Held:
    """An open file, and how many send it now."""

    file: IStoredFile
    handle: BinaryIO
    users: int = 0
    is_kept: bool = True
    looked_at: float = -math.inf
    in_memory: IInMemory | None = None

    @property
    def number(self) -> int:
        """Its descriptor."""
        return self.handle.fileno()

    def stretch(self, start: int, stop: int) -> memoryview:
        """What of the bytes [start, stop) may be sent from memory: from `start` on so much of them, or nothing."""
        return NOTHING if self.in_memory is None else self.in_memory.stretch(start, stop)

    @property
    def is_whole(self) -> bool:
        """Whether it is still there, with every byte."""
        status = os.fstat(self.handle.fileno())
        return status.st_size == self.file.size_bytes and status.st_nlink > 0


@define(kw_only=True, eq=False)
class Descriptors:
    """Those that are open now."""

    _clock: IReactorTime
    _memory: Memory = field(factory=Memory)
    _held: dict[str, Held] = field(factory=dict, init=False)
    _idle: Sweep[Held] = field(init=False)

    @_idle.default
    def _closed_after_a_moment(self) -> Sweep[Held]:
        return Sweep(clock=self._clock, period_s=KEPT_S, act=self._rest)

    def __len__(self) -> int:
        return len(self._held)

    def take(self, file: IStoredFile) -> Held | None:
        """The file, open; to be given back.  None where it is not to be had, or not whole, or has no descriptor."""
        held = self._held.get(file.sha256)
        if held is not None and not self._counts_as_whole(held):
            self._drop(held)
            held = None
        if held is None:
            held = self._opened(file)
        elif held.in_memory is None:
            held.in_memory = self._memory.open(held.handle, file.size_bytes)
        if held is None:
            return None
        held.users += 1
        file.begin()
        return held

    def give_back(self, held: Held) -> None:
        """Whoever took it has done with it."""
        held.file.end()
        held.users -= 1
        if held.users == 0:
            if held.is_kept and len(self._idle) < MOST_KEPT:
                self._idle.touch(held)
            else:
                self._close(held)

    def _opened(self, file: IStoredFile) -> Held | None:
        try:
            handle = file.open()
        except TiercacheError:
            return None
        held = Held(file=file, handle=handle)
        with suppress(io.UnsupportedOperation, OSError):
            if self._counts_as_whole(held):
                self._held[file.sha256] = held
                return held
        handle.close()
        return None

    def _counts_as_whole(self, held: Held) -> bool:
        """Whether it is, or was a moment ago."""
        now = self._clock.seconds()
        if now - held.looked_at >= LOOKED_AT_S:
            if not held.is_whole:
                return False
            held.looked_at = now
        return True

    def _rest(self, held: Held) -> None:
        if held.users == 0:
            self._close(held)

    def _drop(self, held: Held) -> None:
        """Give it to nobody any more; who sends it goes on."""
        held.is_kept = False
        del self._held[held.file.sha256]
        if held.users == 0:
            self._close(held)

    def _close(self, held: Held) -> None:
        self._idle.forget(held)
        if self._held.get(held.file.sha256) is held:
            del self._held[held.file.sha256]
        if held.in_memory is not None:
            held.in_memory.close()
        held.handle.close()
