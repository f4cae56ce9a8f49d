"""Numbers that the node and its workers see at once: what is known, and how many connections each of them has.

They stand in memory that all share.  Each number has one writer, and is read and written as one word.
"""

from __future__ import annotations

import mmap
import os
import tempfile

from attrs import define, field

from tiercache.cache.knowledge import WORDS

_WORD_BYTES = 8


@define(eq=False)
class Board:
    """`place`: 0 for the node, else the worker's."""

    number: int
    places: int
    place: int = 0
    _words: memoryview = field(init=False, repr=False)

    @_words.default
    def _mapped(self) -> memoryview:
        return memoryview(mmap.mmap(self.number, (self.places + WORDS) * _WORD_BYTES)).cast("q")

    @classmethod
    def made(cls, workers: int) -> Board:
        """One for so many workers; it has no name in any folder.  Raises OSError."""
        if hasattr(os, "memfd_create"):
            number = os.memfd_create("tiercache-board")
        else:
            with tempfile.TemporaryFile() as file:
                number = os.dup(file.fileno())
        os.ftruncate(number, (workers + 1 + WORDS) * _WORD_BYTES)
        return cls(number, workers + 1)

    @property
    def known(self) -> memoryview[int]:
        """What the node knows, for a `Knowledge` to stand on: the node alone writes there."""
        return self._words[self.places :]

    def count(self, connections: int) -> None:
        """So many are open here."""
        self._words[self.place] = connections

    def forget(self, place: int) -> None:
        """Who was at this place is gone, and its connections with it."""
        self._words[place] = 0

    def elsewhere(self) -> int:
        """How many are open at all other places."""
        return sum(self._words[: self.places]) - self._words[self.place]

    def close(self) -> None:
        """Give the descriptor back; what is mapped goes with the process."""
        os.close(self.number)
