"""A file with holes: archives of several gigabytes, of which next to nothing is there."""

from __future__ import annotations

import bisect
import io


class Holes(io.RawIOBase):
    """A file that keeps what is written to it but for runs of zeros, and reads as if it had kept them too."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._pieces: list[bytes] = []
        self._at = self._end = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = (0, self._at, self._end)[whence] + offset
        return self._at

    def write(self, data: object, /) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # whatever has bytes
        if piece != bytes(len(piece)):
            place = bisect.bisect_left(self._starts, self._at)
            if self._starts[place : place + 1] == [self._at]:  # a header is written again, once its lengths are known
                assert len(self._pieces[place]) == len(piece)
                self._pieces[place] = piece
            else:
                self._starts.insert(place, self._at)
                self._pieces.insert(place, piece)
        self._at += len(piece)
        self._end = max(self._end, self._at)
        return len(piece)

    def read(self, size: int = -1, /) -> bytes:
        size = self._end - self._at if size < 0 else min(size, self._end - self._at)
        out = bytearray(size)
        place = max(0, bisect.bisect_right(self._starts, self._at) - 1)
        while place < len(self._starts) and self._starts[place] < self._at + size:
            start, piece = self._starts[place] - self._at, self._pieces[place]
            taken = piece[max(0, -start) : size - start]
            if taken:
                out[max(0, start) : max(0, start) + len(taken)] = taken
            place += 1
        self._at += size
        return bytes(out)
