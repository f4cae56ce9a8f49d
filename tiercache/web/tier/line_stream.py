"""The body of an answer that is a line for each of many things, in the order in which they are ready.

What is made for each is the caller's; here is how many are made at once, and how lines become bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, Protocol, TypeVar

from attrs import define, field
from isal import isal_zlib
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.python.failure import Failure

from tiercache.interfaces import Pool

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 50
"""How many of one answer are under way at a time."""

LARGE_BYTES = 128 * 1024
"""A line that is longer is compressed off the reactor thread."""

GZIP_WINDOW = 31  # of 2**15 bytes, with the frame of gzip (zlib's manual, `deflateInit2`)


class ICoding(Protocol):
    """How the lines of one answer are coded: each can be read as soon as its bytes have come."""

    def line(self, data: bytes) -> bytes:
        """A line, coded."""
        ...

    def end(self) -> bytes:
        """What comes after the last line."""
        ...


@define
class Identity:
    """As they are."""

    def line(self, data: bytes) -> bytes:
        """See `ICoding`."""
        return data

    def end(self) -> bytes:
        """See `ICoding`."""
        return b""


@define
class Gzip:
    """One gzip stream, flushed behind each line."""

    _compressor: isal_zlib.Compress = field(factory=lambda: isal_zlib.compressobj(1, wbits=GZIP_WINDOW), init=False)

    def line(self, data: bytes) -> bytes:
        """See `ICoding`."""
        return self._compressor.compress(data) + self._compressor.flush(isal_zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """See `ICoding`."""
        return self._compressor.flush(isal_zlib.Z_FINISH)


@define(kw_only=True)
class LineStream(Generic[T, R]):
    """An `IBody`: `settle` says what becomes of each of `wanted`, and `write` makes a line of that.

    A line is made when there is room for it, so that for a client which reads slowly one is held, and no more.  Who
    leaves cancels what was begun for it, and nothing else.  While a line is made, more may be `add`ed.
    """

    _wanted: Iterable[T]
    _settle: Callable[[T], Awaitable[R]]
    _write: Callable[[R], Awaitable[bytes]]
    _coding: ICoding
    _pool: Pool
    _waiting: deque[T] = field(init=False)
    _under_way: set[Deferred[None]] = field(factory=set, init=False)
    _settled: deque[R | Failure] = field(factory=deque, init=False)
    _news: Deferred[None] | None = field(default=None, init=False)
    _is_ended: bool = field(default=False, init=False)

    @_waiting.default
    def _all(self) -> deque[T]:
        return deque(self._wanted)

    def add(self, more: Iterable[T]) -> None:
        """Let lines for these come too, behind all others."""
        self._waiting.extend(more)

    async def read(self) -> bytes:
        """The next line; b"" after the last."""
        self._begin()
        while not self._settled and self._under_way:
            self._news = Deferred()
            await self._news
        if self._settled:
            settled = self._settled.popleft()
            self._begin()
            if isinstance(settled, Failure):
                settled.raiseException()
            line = await self._write(settled)
            return await self._pool(self._coding.line, line) if len(line) > LARGE_BYTES else self._coding.line(line)
        if self._is_ended:
            return b""
        self._is_ended = True
        return self._coding.end()

    def close(self) -> None:
        """Give up what is not settled."""
        self._is_ended = True
        self._waiting.clear()
        for under_way in list(self._under_way):
            under_way.cancel()
        self._settled.clear()

    def _begin(self) -> None:
        while self._waiting and len(self._under_way) + len(self._settled) < AT_ONCE:
            settling = ensureDeferred(self._one(self._waiting.popleft()))
            if not settling.called:
                self._under_way.add(settling)
                settling.addBoth(self._done, settling)

    async def _one(self, wanted: T) -> None:
        try:
            self._settled.append(await self._settle(wanted))
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  # raised again where the line is read
            self._settled.append(Failure())

    def _done(self, _result: object, settling: Deferred[None]) -> None:
        self._under_way.discard(settling)
        news, self._news = self._news, None
        if news is not None and not self._is_ended:
            news.callback(None)
