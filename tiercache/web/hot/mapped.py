"""Files that are sent again, as the kernel has them in memory: to hand it that takes half of what `sendfile` does.

The first time `sendfile` is the better one, since each page is mapped when it is first wanted.  What is mapped stands
with the memory of the process, although the kernel takes it back where it needs it; so it has a bound.
"""

from __future__ import annotations

import mmap
from typing import BinaryIO

from attrs import define, field

MOST_BYTES = 64 << 20
"""Of all files that are mapped at once."""


@define(kw_only=True, eq=False)
class Mapped:
    """The bytes of a file.  They are for the kernel's eyes: who reads one that the file has lost is ended by a signal,
    whereas a call with it fails."""

    _map: mmap.mmap
    view: memoryview = field(init=False)

    @view.default
    def _whole(self) -> memoryview:
        return memoryview(self._map)

    @property
    def size_bytes(self) -> int:
        """How much of the bound it takes."""
        return len(self.view)

    def close(self) -> None:
        """Nobody sends it any more."""
        self.view.release()
        self._map.close()


@define(kw_only=True, eq=False)
class Maps:
    """Those that there are."""

    _most_bytes: int = MOST_BYTES
    _bytes: int = field(default=0, init=False)

    def open(self, handle: BinaryIO, size_bytes: int) -> Mapped | None:
        """The file's bytes, to be closed here; None where there is no room, or the file has not so many."""
        if self._bytes + size_bytes > self._most_bytes:
            return None
        try:
            mapped = Mapped(map=mmap.mmap(handle.fileno(), size_bytes, access=mmap.ACCESS_READ))
        except (OSError, ValueError):
            return None
        self._bytes += size_bytes
        return mapped

    def close(self, mapped: Mapped) -> None:
        """Nobody sends it any more."""
        self._bytes -= mapped.size_bytes
        mapped.close()
