"""A number for what a node knows: who made something of that sees at a glance whether it is to be relied on still."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field


@define
class Knowledge:
    """`version` is greater after every change of what an answer of this node is made from, whatever it was.

    An equal version says that nothing has changed but the time; another, that somebody has to look.
    """

    version: int = 0
    _tell: Callable[[int], object] | None = field(default=None, init=False)

    def changed(self) -> None:
        """Something is not as it was; to be called in the same turn."""
        self.version += 1
        if self._tell is not None:
            self._tell(self.version)

    def tell(self, tell: Callable[[int], object]) -> None:
        """From now on this is called with each new version, in the turn of the change."""
        self._tell = tell
        tell(self.version)
