"""Writes of a catalogue that makes them on the spot, for what blocks and has no reactor."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


def settled(awaitable: Awaitable[T]) -> T:
    """Take the result of a write that a catalogue has made on the spot, or raise what it failed with."""
    try:
        next(awaitable.__await__())
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("this needs a catalogue that writes on the spot")
