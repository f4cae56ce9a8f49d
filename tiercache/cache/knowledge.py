"""Numbers for what a node knows: who made something of that sees at a glance whether it is to be relied on still.

What concerns one project outdates nothing that was made of others: fills and prefetches change something all the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol
from zlib import crc32

from attrs import define, field

from tiercache.simple.model import ProjectName

COMPARTMENTS = 1024
"""Projects share so many; those in one outdate each other's answers, which costs a look and nothing else."""

WORDS = 1 + COMPARTMENTS
"""So many numbers are all of it.  The first stands for what concerns every project."""


def compartment_of(project: ProjectName) -> int:
    """Where a project stands: the same in every process."""
    return 1 + crc32(project.encode()) % COMPARTMENTS


class Changed(Protocol):
    """A function that is told of projects about which something is not as it was."""

    def __call__(self, *projects: ProjectName) -> None:
        """In the same turn."""
        ...


@define
class Knowledge:
    """`version` of a compartment is greater after every change of what an answer about a project there is made from.

    An equal version says that nothing has changed but the time; another, that somebody has to look.
    """

    _words: list[int] | memoryview[int] = field(factory=lambda: [0] * WORDS)

    def version(self, compartment: int) -> int:
        """Of both what concerns these projects and what concerns all: neither number ever becomes smaller."""
        return self._words[0] + self._words[compartment]

    def changed(self, projects: Iterable[ProjectName]) -> None:
        """Something about these projects is not as it was; to be called in the same turn."""
        for project in projects:
            self._words[compartment_of(project)] += 1

    def changed_for_all(self) -> None:
        """Something is not as it was that is surely about no project alone; to be called in the same turn."""
        self._words[0] += 1

    def move_to(self, words: memoryview[int]) -> None:
        """From now on it stands there, where other processes see each new version in the moment of the change."""
        for at in range(WORDS):
            words[at] = self._words[at]
        self._words = words
