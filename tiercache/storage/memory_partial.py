"""A file that grows in memory, and the room that it takes."""

from __future__ import annotations

import threading
from typing import BinaryIO

from attrs import define, field
from zope.interface import implementer

from tiercache.errors import InvalidName, StoreFull
from tiercache.interfaces import IPartial
from tiercache.storage.identity import is_sha256

COPIED_AT_ONCE_BYTES = 1024 * 1024


@define(eq=False)
class Room:
    """What may still be taken; `limit_bytes` None is no limit.  Shared by the threads that fill."""

    limit_bytes: int | None
    taken_bytes: int = 0
    _lock: threading.Lock = field(factory=threading.Lock)

    def take(self, size_bytes: int) -> None:
        """Take, or with a negative size give back.  Raises StoreFull, and then took nothing."""
        with self._lock:
            after = self.taken_bytes + size_bytes
            if size_bytes > 0 and self.limit_bytes is not None and after > self.limit_bytes:
                raise StoreFull(reason=f"{after} bytes do not fit in {self.limit_bytes} bytes of memory")
            self.taken_bytes = after


def room_of(limit_bytes: int | None) -> Room:
    return Room(limit_bytes)


@implementer(IPartial)
@define(kw_only=True, eq=False)
class MemoryPartial:
    """A file that grows in memory."""

    _room: Room
    _stored: dict[str, bytes]
    _data: bytes | bytearray = field(factory=bytearray, init=False)
    _discarded: bool = field(default=False, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def write(self, *pieces: bytes) -> None:
        with self._lock:
            self._refuse_if_discarded()
            if isinstance(self._data, bytes):
                raise ValueError("a committed file is immutable")
            self._room.take(sum(map(len, pieces)))
            for piece in pieces:
                self._data += piece

    def copy(self, source: BinaryIO, size_bytes: int) -> int:
        copied = 0
        while copied < size_bytes and (data := source.read(min(COPIED_AT_ONCE_BYTES, size_bytes - copied))):
            self.write(data)
            copied += len(data)
        return copied

    def read(self, start: int, size_bytes: int) -> bytes:
        with self._lock:
            self._refuse_if_discarded()
            return bytes(memoryview(self._data)[start : start + size_bytes])

    def lend(self) -> int | None:
        return None

    def take_back(self) -> None:
        """Nothing was lent."""

    def commit(self, sha256: str, *, lasting: bool = True) -> None:
        if not is_sha256(sha256):
            raise InvalidName(name=sha256)
        with self._lock:
            self._refuse_if_discarded()
            if isinstance(self._data, bytearray):
                mine = bytes(self._data)
                self._data = self._stored.setdefault(sha256, mine)
                if self._data is not mine:
                    self._room.take(-len(mine))

    def discard(self) -> None:
        with self._lock:
            if not self._discarded:
                self._discarded = True
                if isinstance(self._data, bytearray):
                    self._room.take(-len(self._data))
                self._data = b""

    def _refuse_if_discarded(self) -> None:
        if self._discarded:
            raise ValueError("the partial was discarded")
