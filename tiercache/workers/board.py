"""Numbers that the node and its workers see at once: what is known, and how many connections each of them has.

They stand in memory that all share.  Each number has one writer, and is read and written as one word.
"""

from __future__ import annotations

import mmap
import os
import tempfile

from attrs import define, field

_WORD_BYTES = 8


@define(eq=False)
class Board:
    """`version` is written by the node, as `cache.knowledge` counts it; `place`: 0 for the node, else the worker's."""

    number: int
    places: int
    place: int = 0
    _words: memoryview = field(init=False, repr=False)

    @_words.default
    def _mapped(self) -> memoryview:
        return memoryview(mmap.mmap(self.number, (self.places + 1) * _WORD_BYTES)).cast("q")

    @classmethod
    def made(cls, workers: int) -> Board:
        """One for so many workers; it has no name in any folder.  Raises OSError."""
        if hasattr(os, "memfd_create"):
            number = os.memfd_create("tiercache-board")
        else:
            with tempfile.TemporaryFile() as file:
                number = os.dup(file.fileno())
        os.ftruncate(number, (workers + 2) * _WORD_BYTES)
        return cls(number, workers + 1)

    @property
    def version(self) -> int:
        """The number of what the node knows."""
        return self._words[0]

    def know(self, version: int) -> None:
        """What was made under any other number does not count any more, from this moment."""
        self._words[0] = version

    def count(self, connections: int) -> None:
        """So many are open here."""
        self._words[1 + self.place] = connections

    def forget(self, place: int) -> None:
        """Who was at this place is gone, and its connections with it."""
        self._words[1 + place] = 0

    def elsewhere(self) -> int:
        """How many are open at all other places."""
        return sum(self._words[1 : 1 + self.places]) - self._words[1 + self.place]

    def close(self) -> None:
        """Give the descriptor back; what is mapped goes with the process."""
        os.close(self.number)
