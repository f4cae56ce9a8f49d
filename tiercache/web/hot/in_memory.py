"""Files that are sent again, from memory: that takes up to half of what `sendfile` does, which goes page by page.

A small one is read, and leaves with its head.  A larger one is mapped as the kernel has it; the first time `sendfile`
is the better one, since each page is mapped when it is first wanted.  What is mapped stands with the memory of the
process, although the kernel takes it back where it needs it; so each kind has a bound.
"""

from __future__ import annotations

import mmap
import os
from typing import BinaryIO, Protocol

from attrs import define, field

READ_UP_TO_BYTES = 512 * 1024
"""Files that are no longer are read."""

MOST_READ_BYTES = 8 << 20
"""Of all files that are in memory because they were read."""

MOST_MAPPED_BYTES = 64 << 20
"""Of all files that are mapped at once."""

LAST_BYTES = 64 * 1024
"""So much at the end of what is mapped leaves by `sendfile` in any case."""


class IInMemory(Protocol):
    """The bytes of a file."""

    def stretch(self, start: int, stop: int) -> memoryview:
        """What of the bytes [start, stop) may be sent from here: all from `start` on, or all but the last of it."""
        ...

    def close(self) -> None:
        """Nobody sends it any more."""
        ...


@define(kw_only=True, eq=False)
class Read:
    """A file that was read: nobody can cut it short any more."""

    _memory: Memory
    _view: memoryview

    def stretch(self, start: int, stop: int) -> memoryview:
        """See `IInMemory`."""
        return self._view[start:stop]

    def close(self) -> None:
        """See `IInMemory`."""
        self._memory.read_bytes -= len(self._view)
        self._view.release()


@define(kw_only=True, eq=False)
class Mapped:
    """A file that is mapped.  Its bytes are for the kernel's eyes: who reads one that the file has lost is ended by a
    signal, whereas a call with it fails."""

    _memory: Memory
    _map: mmap.mmap
    _view: memoryview = field(init=False)

    @_view.default
    def _whole(self) -> memoryview:
        return memoryview(self._map)

    def stretch(self, start: int, stop: int) -> memoryview:
        """See `IInMemory`.

        Where a file was cut short the rest of that page of memory reads as zeros, and what is behind it cannot be
        read.  `sendfile` knows where a file ends: what it has given the last of is whole.
        """
        return self._view[start : max(start, stop - LAST_BYTES)]

    def close(self) -> None:
        """See `IInMemory`."""
        self._memory.mapped_bytes -= len(self._view)
        self._view.release()
        self._map.close()


@define(kw_only=True, eq=False)
class Memory:
    """What all files take that are there."""

    _most_read_bytes: int = MOST_READ_BYTES
    _most_mapped_bytes: int = MOST_MAPPED_BYTES
    read_bytes: int = 0
    mapped_bytes: int = 0

    def open(self, handle: BinaryIO, size_bytes: int) -> IInMemory | None:
        """The bytes of an open file; None where there is no room, or the file has not so many."""
        try:
            return self._read(handle, size_bytes) if size_bytes <= READ_UP_TO_BYTES else self._map(handle, size_bytes)
        except (OSError, ValueError):  # the latter where there is less to map
            return None

    def _read(self, handle: BinaryIO, size_bytes: int) -> Read | None:
        if self.read_bytes + size_bytes > self._most_read_bytes:
            return None
        data = os.pread(handle.fileno(), size_bytes, 0)
        if len(data) < size_bytes:
            return None
        self.read_bytes += size_bytes
        return Read(memory=self, view=memoryview(data))

    def _map(self, handle: BinaryIO, size_bytes: int) -> Mapped | None:
        if self.mapped_bytes + size_bytes > self._most_mapped_bytes:
            return None
        mapped = Mapped(memory=self, map=mmap.mmap(handle.fileno(), size_bytes, access=mmap.ACCESS_READ))
        self.mapped_bytes += size_bytes
        return mapped
