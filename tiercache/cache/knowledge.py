"""A number for what a node knows: who made something of that sees at a glance whether it is to be relied on still."""

from __future__ import annotations

from attrs import define


@define
class Knowledge:
    """`version` is greater after every change of what an answer of this node is made from, whatever it was.

    An equal version says that nothing has changed but the time; another, that somebody has to look.
    """

    version: int = 0

    def changed(self) -> None:
        """Something is not as it was; to be called in the same turn."""
        self.version += 1
