"""A stretch of an open file, to be sent from there without a look at its bytes."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen


def _nothing() -> None:
    """Do that."""


@frozen(kw_only=True)
class Stretch:
    """The bytes [start, stop) of what is open under `descriptor`, which stays open until `close`."""

    descriptor: int
    start: int
    stop: int
    close: Callable[[], None] = _nothing
