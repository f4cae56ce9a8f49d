"""A spool: where the bytes of a fill are while it runs.

The first few are in memory, so that a small file is written down in one go when it is whole.  What is more than that
is on disk, beside the store, for as long as there is room.  Without room the rest passes through a small window in
memory that moves on with the slowest reader.  What the bytes mean, and who may read them when, is `fill`'s affair.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from attrs import define, field
from twisted.logger import Logger

from tiercache.cache.positioned import Positioned
from tiercache.cache.stretch import Stretch
from tiercache.errors import StoreFailed
from tiercache.interfaces import IFiles, IPartial, Pool

log = Logger()

WINDOW_BYTES = 1024 * 1024
"""How much may wait in memory for the slowest reader, give or take one chunk."""

HELD_BYTES = 64 * 1024
"""What is no longer is held in memory until it is whole: half of all files of an index, and each trip to the disk takes
longer than its bytes do."""


def _without_a_look(_piece: bytes) -> None:
    """Take no notice of it."""


def _inspect_all(pieces: Iterable[bytes], inspect: Callable[[bytes], None]) -> None:
    for piece in pieces:
        inspect(piece)


def _size(pieces: Iterable[bytes]) -> int:
    return sum(map(len, pieces))


@define(kw_only=True)
class Spooled(Positioned):
    """All that a spool holds, as a file to be read; blocking, unless it `is_held` in memory."""

    is_held: bool
    _read_at: Callable[[int, int], bytes]

    def read(self, size_bytes: int = -1, /) -> bytes:
        """As files do it."""
        left_bytes = max(0, self.size_bytes - self._position)
        wanted_bytes = left_bytes if size_bytes < 0 else min(size_bytes, left_bytes)
        data = self._read_at(self._position, wanted_bytes) if wanted_bytes else b""
        self._position += len(data)
        return data


@define(kw_only=True)
class Spool:
    """The bytes of one attempt, from the first on.

    `make_room` is asked once for the bytes that do not fit, and says whether to try again.
    """

    _files: IFiles
    _pool: Pool
    _make_room: Callable[[int], Awaitable[bool]]
    _held_bytes: int = HELD_BYTES
    size_bytes: int = field(default=0, init=False)
    _held: bytearray | None = field(factory=bytearray, init=False)
    _disk_bytes: int = field(default=0, init=False)
    _partial: IPartial | None = field(default=None, init=False)
    _window: bytearray | None = field(default=None, init=False)
    _window_start: int = field(default=0, init=False)

    async def append(
        self, pieces: Sequence[bytes], missing_bytes: int, inspect: Callable[[bytes], None] = _without_a_look
    ) -> None:
        """Add what came; `missing_bytes` is all that is yet to come with it, as far as it is known.

        `inspect` sees every piece once, in their order, where it is written down: one trip to the pool is for both.
        """
        came_bytes = _size(pieces)
        if self._held is not None and len(self._held) + came_bytes <= self._held_bytes:
            for piece in pieces:
                inspect(piece)
                self._held += piece
        else:
            if self._held is not None:
                await self._spill(self._held, len(self._held) + missing_bytes)
                self._held = None
            await self._add(list(pieces), missing_bytes, inspect)
        self.size_bytes += came_bytes

    async def _spill(self, held: bytearray, missing_bytes: int) -> None:
        """It is more than is held: open the partial, or without room the window."""
        try:
            self._partial = await self._pool(self._files.begin)
        except StoreFailed as error:
            self._open_window(error)
        if held:
            await self._add([bytes(held)], missing_bytes, _without_a_look)

    async def _add(self, waiting: list[bytes], missing_bytes: int, inspect: Callable[[bytes], None]) -> None:
        if self._window is None:
            try:
                await self._with_room(lambda: max(missing_bytes, _size(waiting)), self._write, waiting, inspect)
            except StoreFailed as error:
                self._open_window(error)
        if waiting and self._window is not None:
            await self._pool(_inspect_all, waiting, inspect)
            for piece in waiting:
                self._window += piece

    def _write(self, waiting: list[bytes], inspect: Callable[[bytes], None]) -> None:
        """Write down and inspect; what is not written still waits.  Blocking."""
        assert self._partial is not None  # noqa: S101  # it was opened, and there is no window
        self._partial.write(*waiting)
        self._disk_bytes += _size(waiting)
        _inspect_all(waiting, inspect)
        waiting.clear()

    async def _with_room(self, wanted_bytes: Callable[[], int], work: Callable[..., None], *args: object) -> None:
        """Work in the pool that takes room; once more where some could be made."""
        try:
            await self._pool(work, *args)
        except StoreFailed:
            if not await self._make_room(wanted_bytes()):
                raise
            await self._pool(work, *args)

    def _open_window(self, error: StoreFailed) -> None:
        log.warn("a file passes through, and is not kept: {error}", error=error)
        self._window = bytearray()
        self._window_start = self._disk_bytes

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
        if self._held is not None:
            return bytes(self._held[start : start + size_bytes])
        if self._window is not None and start >= self._window_start:
            offset = start - self._window_start
            return bytes(self._window[offset : offset + size_bytes])
        size_bytes = min(size_bytes, self._disk_bytes - start)
        if self._partial is None or size_bytes <= 0:
            return b""
        return await self._pool(self._partial.read, start, size_bytes)

    def stretch(self, start: int, stop: int) -> Stretch | None:
        """What came of the bytes [start, stop), where it lies on disk; None where it does not."""
        partial, stop = self._partial, min(stop, self._disk_bytes)
        descriptor = partial.lend() if partial is not None and start < stop else None
        if partial is None or descriptor is None:
            return None
        return Stretch(descriptor=descriptor, start=start, stop=stop, close=partial.take_back)

    def whole(self) -> Spooled | None:
        """What came, as a file, until it is discarded; None where not all of it is kept."""
        held, partial = self._held, self._partial
        if held is not None:
            data = bytes(held)
            return Spooled(size_bytes=len(data), is_held=True, read_at=lambda start, size: data[start : start + size])
        if partial is None or not self.keeps_all:
            return None
        return Spooled(size_bytes=self._disk_bytes, is_held=False, read_at=partial.read)

    def needed_from(self, position: int) -> None:
        """Nobody will read before this offset any more: the window may move on."""
        if self._window is not None and position > self._window_start:
            del self._window[: position - self._window_start]
            self._window_start = position

    async def commit(self, sha256: str) -> bool:
        """Give the verified file its final name; whether there was room.  What is held stays to be read."""
        try:
            if self._held is not None:
                held = bytes(self._held)
                await self._with_room(lambda: len(held), self._store, held, sha256)
            elif self._partial is not None and self.keeps_all:
                await self._pool(self._commit, self._partial, sha256)
            else:
                return False
        except StoreFailed as error:
            log.warn("a file is not kept: {error}", error=error)
            return False
        return True

    def _store(self, data: bytes, sha256: str) -> None:
        """Write all of it, and give it its name.  Blocking."""
        partial = self._files.begin()
        try:
            partial.write(data)
            self._commit(partial, sha256)
        finally:
            partial.discard()

    def _commit(self, partial: IPartial, sha256: str) -> None:
        """Give it its name, which need not outlive a power cut: it can be fetched again.  Blocking."""
        partial.commit(sha256, lasting=False)

    async def discard(self) -> None:
        """Let go of what it holds; a committed file stays."""
        self._held = None
        partial, self._partial = self._partial, None
        if partial is not None:
            await self._pool(partial.discard)
