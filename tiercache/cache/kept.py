"""What is kept in memory because it was dear to make: bounded by weight, the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from attrs import define, field

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@define(kw_only=True)
class Kept(Generic[K, V]):
    """A mapping whose values weigh, by `weigh`, no more than `limit` together; but the newest always stays.

    `dropped` is told of each that is kept no longer, once what took its place is.
    """

    _limit: int
    _weigh: Callable[[V], int]
    _dropped: Callable[[V], object] = lambda _value: None
    _values: OrderedDict[K, V] = field(factory=OrderedDict, init=False)
    _weight: int = field(default=0, init=False)

    def get(self, key: K) -> V | None:
        """The value, which counts as used now, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value, in the place of the one that was there."""
        before = self._values.pop(key, None)
        self._values[key] = value
        self._weight += self._weigh(value)
        if before is not None:
            self._forget(before)
        while self._weight > self._limit and len(self._values) > 1:
            _, oldest = self._values.popitem(last=False)
            self._forget(oldest)

    def drop(self, key: K) -> None:
        """Keep this no longer; harmless if it is not kept."""
        if key in self._values:
            self._forget(self._values.pop(key))

    def _forget(self, value: V) -> None:
        self._weight -= self._weigh(value)
        self._dropped(value)

    def __len__(self) -> int:
        return len(self._values)
