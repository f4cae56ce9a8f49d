"""A spool: where the bytes of a fill are while it runs.

They are on disk, beside the store, for as long as there is room.  Without room the rest passes through a small window
in memory that moves on with the slowest reader.  What the bytes mean, and who may read them when, is `fill`'s affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import define, field
from twisted.logger import Logger

from tiercache.errors import StoreFailed
from tiercache.interfaces import IFiles, IPartial, Pool

log = Logger()

WINDOW_BYTES = 1024 * 1024
"""How much may wait in memory for the slowest reader, give or take one chunk."""


@define(kw_only=True)
class Spool:
    """The bytes of one attempt, from the first on.

    `make_room` is asked once for the bytes that do not fit, and says whether to try again.
    """

    _files: IFiles
    _pool: Pool
    _make_room: Callable[[int], Awaitable[bool]]
    size_bytes: int = field(default=0, init=False)
    _disk_bytes: int = field(default=0, init=False)
    _partial: IPartial | None = field(default=None, init=False)
    _window: bytearray | None = field(default=None, init=False)
    _window_start: int = field(default=0, init=False)

    async def begin(self) -> None:
        """Open the partial, or without room the window."""
        try:
            self._partial = await self._pool(self._files.begin)
        except StoreFailed as error:
            self._open_window(error)

    async def append(self, data: bytes, missing_bytes: int) -> None:
        """Add what came; `missing_bytes` is all that is yet to come with it, as far as it is known."""
        if self._window is None:
            try:
                await self._write(data, missing_bytes)
            except StoreFailed as error:
                self._open_window(error)
        if self._window is not None:
            self._window += data
        self.size_bytes += len(data)

    async def _write(self, data: bytes, missing_bytes: int) -> None:
        assert self._partial is not None  # noqa: S101  # begun, and there is no window
        try:
            await self._pool(self._partial.write, data)
        except StoreFailed:
            if not await self._make_room(max(len(data), missing_bytes)):
                raise
            await self._pool(self._partial.write, data)
        self._disk_bytes += len(data)

    def _open_window(self, error: StoreFailed) -> None:
        log.warn("a file passes through, and is not kept: {error}", error=error)
        self._window = bytearray()
        self._window_start = self.size_bytes

    @property
    def is_congested(self) -> bool:
        """Whether the writer has to wait for the slowest reader."""
        return self._window is not None and len(self._window) >= WINDOW_BYTES

    @property
    def keeps_all(self) -> bool:
        """Whether everything that came can be committed."""
        return self._window is None

    def can_serve(self, start: int) -> bool:
        """Whether every byte from `start` on is still to be had."""
        return self._window is None or start >= self._window_start or self._window_start == self._disk_bytes

    async def read(self, start: int, size_bytes: int) -> bytes:
        """At most `size_bytes` of what came, from `start` on; nothing where the bytes are gone."""
        if self._window is not None and start >= self._window_start:
            offset = start - self._window_start
            return bytes(self._window[offset : offset + size_bytes])
        size_bytes = min(size_bytes, self._disk_bytes - start)
        if self._partial is None or size_bytes <= 0:
            return b""
        return await self._pool(self._partial.read, start, size_bytes)

    def needed_from(self, position: int) -> None:
        """Nobody will read before this offset any more: the window may move on."""
        if self._window is not None and position > self._window_start:
            del self._window[: position - self._window_start]
            self._window_start = position

    async def commit(self, sha256: str) -> bool:
        """Give the verified file its final name; whether there was room."""
        if self._partial is None or not self.keeps_all:
            return False
        try:
            await self._pool(self._partial.commit, sha256)
        except StoreFailed as error:
            log.warn("a file is not kept: {error}", error=error)
            return False
        return True

    async def discard(self) -> None:
        """Let go of what it holds; a committed file stays."""
        partial, self._partial = self._partial, None
        if partial is not None:
            await self._pool(partial.discard)
