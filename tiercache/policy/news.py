"""News: what a journal says, where in it one is, and whether an entry can do without asking because of it.

Values and words; who keeps a journal is `cache/journal`, who follows one `cache/following`, how they travel `wire`.
"""

from __future__ import annotations

from attrs import frozen

# What a change is about.  A reader takes a word that it does not know for `PAGE`.
PAGE = "page"
"""The project's page is not what it was, or may not be: uploaded, yanked, removed, or changed upstream."""
ALL = "all"
"""So is every page that this node has from elsewhere; `project` is empty."""
NAMED = "reserved"
"""The project's name is reserved from now on, and its page is not what it was."""
RELEASED = "released"
"""The project's name is reserved no longer."""


@frozen(kw_only=True)
class Position:
    """A place in a node's journal.  A new epoch is a new journal: serials of two epochs have nothing in common."""

    epoch: str
    serial: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.serial}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """What `str` gave, or None."""
        epoch, mark, serial = text.strip().rpartition(":")
        if not mark or not epoch or not serial.isascii() or not serial.isdecimal() or len(serial) > 18:
            return None
        return cls(epoch=epoch, serial=int(serial))


@frozen(kw_only=True)
class Change:
    """One line of a journal; `at` in seconds since 1970 by that node's clock.

    `origin` is the position (`str(Position)`) in the journal where the change stood first, however many journals it has
    come through since: by it a node knows news that it has passed on already, so that none runs in circles.
    """

    serial: int
    project: str
    what: str
    at: float
    origin: str = ""
