"""A file that has come and is not published yet: its bytes in a partial of the store, and their digests.

They are hashed while they are written, so that no file is read twice.  Nothing here has a name in the store: until
`commit`, which the publisher calls when everything about the file is verified, nobody can be given it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, BinaryIO, Self

from attrs import define, field

from tiercache.errors import UploadTooLarge
from tiercache.interfaces import IFiles, IPartial
from tiercache.simple.digests import Hasher, hasher

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE_BYTES = 1024 * 1024
"""What is read at a time of a file that is brought in from a folder."""


VERIFIED = ("sha256", "blake2b_256", "md5")
"""The digests that upload forms have, by their names in `simple.digests`."""


@define(kw_only=True, eq=False)
class Arrival:
    """Bytes on their way in, at most `limit_bytes`.  Blocking; called in the pool, by one at a time."""

    _partial: IPartial
    _limit_bytes: int
    size_bytes: int = field(default=0, init=False)
    _hashers: Mapping[str, Hasher] = field(factory=lambda: {name: hasher(name) for name in VERIFIED}, init=False)

    @classmethod
    def begin(cls, files: IFiles, limit_bytes: int) -> Self:
        """With nothing in it yet.  Raises StoreFull."""
        return cls(partial=files.begin(), limit_bytes=limit_bytes)

    @classmethod
    def of(cls, source: BinaryIO, files: IFiles, limit_bytes: int) -> Self:
        """A copy of a file in a folder.  Raises OSError, UploadTooLarge, StoreFull."""
        arrival = cls.begin(files, limit_bytes)
        try:
            # By the file system, which may keep the bytes but once; and then hashed as they lie in the store.
            while copied := arrival._partial.copy(source, min(PIECE_BYTES, limit_bytes + 1 - arrival.size_bytes)):
                arrival._hash(arrival._partial.read(arrival.size_bytes, copied))
                if arrival.size_bytes > limit_bytes:
                    raise _too_large(limit_bytes)
        except BaseException:
            arrival.discard()
            raise
        return arrival

    def write(self, data: bytes) -> None:
        """Append.  Raises UploadTooLarge, StoreFull."""
        if self.size_bytes + len(data) > self._limit_bytes:
            raise _too_large(self._limit_bytes)
        self._partial.write(data)
        self._hash(data)

    def _hash(self, data: bytes) -> None:
        for digest in self._hashers.values():
            digest.update(data)
        self.size_bytes += len(data)

    def read(self, start: int, size_bytes: int) -> bytes:
        """At most `size_bytes` of what has come, from `start` on."""
        return self._partial.read(start, size_bytes)

    @property
    def hashes(self) -> dict[str, str]:
        """The digests of what has come, by algorithm as in `STRONGEST_FIRST`."""
        return {name: digest.hexdigest() for name, digest in self._hashers.items()}

    @property
    def sha256(self) -> str:
        """The digest under which the store will have it."""
        return self._hashers["sha256"].hexdigest()

    def opened(self) -> io.BufferedReader:
        """What has come, as a file to read in any order; usable until `discard`."""
        return io.BufferedReader(_Reading(self._partial.read, self.size_bytes), buffer_size=64 * 1024)

    def commit(self) -> None:
        """Sync it, and give it its name in the store.  Raises StoreFull."""
        self._partial.commit(self.sha256)

    def discard(self) -> None:
        """Let go of it; what was committed stays.  Harmless a second time."""
        self._partial.discard()


def _too_large(limit_bytes: int) -> UploadTooLarge:
    return UploadTooLarge(subject="The file", limit_bytes=limit_bytes)


class _Reading(io.RawIOBase):
    """The bytes of a partial as a file."""

    def __init__(self, read: Callable[[int, int], bytes], size_bytes: int) -> None:
        super().__init__()
        self._read = read
        self._size_bytes = size_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}[whence]
        if start + offset < 0:
            raise OSError("no file begins before its first byte")
        self._at = start + offset
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        wanted = min(memoryview(buffer).nbytes, max(0, self._size_bytes - self._at))
        data = self._read(self._at, wanted) if wanted else b""
        memoryview(buffer).cast("B")[: len(data)] = data
        self._at += len(data)
        return len(data)
