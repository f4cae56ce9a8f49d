"""One client's way through a fill (`fill.Fill`), at its own pace, behind the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field
from twisted.internet.defer import CancelledError

from tiercache.cache.stretch import Stretch
from tiercache.errors import TierUnreachable

if TYPE_CHECKING:
    from tiercache.cache.fill import Fill

CHUNK_BYTES = 256 * 1024
"""How much a reader takes at a time."""


@define(kw_only=True, eq=False)
class FillReader:
    """One client's way through a fill: an `IBody`."""

    fill: Fill
    position: int
    stop: int | None
    _epoch: int | None = field(default=None, init=False)
    _promised_bytes: int | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)

    async def read(self) -> bytes:
        """The next bytes, b"" after the last; raises what the fill failed with, or that its bytes were wrong."""
        while (end := await self._released_to()) is not None:
            if data := await self._next(end):
                return data
        return b""

    async def stretch(self) -> Stretch | None:
        """The bytes that are there and not sent, in the file where they are written; None where they are in none."""
        end = await self._released_to()
        if end is None:
            return None
        self._epoch = self.fill.epoch
        return self.fill.stretch(self.position, end)

    def passed(self, size_bytes: int) -> None:
        """So many bytes of a stretch were sent; raises where they turned out wrong meanwhile."""
        self._check_promises()
        if not size_bytes:
            raise TierUnreachable(tier="", reason="these bytes are gone from where they were written")
        self.position += size_bytes
        self.fill.moved()

    async def _released_to(self) -> int | None:
        """Up to where there is something for this reader; None after its end.  Raises what the fill ended with."""
        while True:
            self._check_promises()
            if self.stop is not None and self.position >= self.stop:
                return None
            end = self.fill.released if self.stop is None else min(self.stop, self.fill.released)
            if self.position < end:
                return end
            if self.fill.is_verified:
                return None
            if self.fill.error is not None:
                raise self.fill.error
            await self.fill.changed.wait()

    def promise(self) -> int | None:
        """The length of the whole file, as far as it is known: a client that was told one is given no other."""
        self._promised_bytes = self.fill.size_bytes
        return self._promised_bytes

    def _check_promises(self) -> None:
        begun_anew = self._epoch is not None and self._epoch != self.fill.epoch
        if begun_anew or (self._promised_bytes is not None and self._promised_bytes != self.fill.size_bytes):
            raise TierUnreachable(tier="", reason="what came before was wrong")

    async def _next(self, end: int) -> bytes:
        """Bytes before `end`; none if they turned out wrong while they were read."""
        epoch = self.fill.epoch
        try:
            data = await self.fill.bytes_at(self.position, min(CHUNK_BYTES, end - self.position))
        except CancelledError:
            raise
        except Exception:
            if epoch == self.fill.epoch:
                raise
            return b""  # it was thrown away under this reader
        if epoch != self.fill.epoch:
            return b""
        self._epoch = epoch
        self.position += len(data)
        self.fill.moved()
        return data

    def close(self) -> None:
        """The client has gone, or has all."""
        if not self._is_closed:
            self._is_closed = True
            self.fill.left(self)
