"""What a catalogue was asked a moment ago, and need not ask its database again.

A request that brings something in asks about it a dozen times before it is there.  Nothing is recalled for longer than
a moment: other processes may change a database too (`tiercache fsck`), and their changes are to be seen soon.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
R = TypeVar("R")

RECALLED_S = 2.0
"""For how long, at most, what another process has written is not seen."""

MOST_RECALLED = 1024
"""Answers; when there are more, all are asked for anew."""


def _everything(_value: object) -> bool:
    return True


@define(kw_only=True, eq=False)
class Recalled(Generic[K, V]):
    """Answers of one kind, absences among them, by what was asked; from any thread.

    `seconds` is a clock; None: nothing is recalled.  `is_worth_it` says of an answer whether it is.
    """

    _seconds: Callable[[], float] | None
    _is_worth_it: Callable[[V | None], bool] = _everything
    _answers: dict[K, V | None] = field(factory=dict, init=False)
    _begun_at: float = field(default=0.0, init=False)
    _changes: int = field(default=0, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def answer(self, key: K, ask: Callable[[], V | None]) -> V | None:
        """What there is, None for nothing; `ask` finds out."""
        if self._seconds is None:
            return ask()
        if self._seconds() - self._begun_at >= RECALLED_S:
            self.forget_all()
        try:
            return self._answers[key]
        except KeyError:
            changes = self._changes
            value = ask()
            if self._is_worth_it(value):
                with self._lock:
                    if changes == self._changes:  # else it may be older than what was written meanwhile
                        self._put(key, value)
            return value

    def forget(self, keys: Iterable[K]) -> None:
        """Ask for these again."""
        with self._lock:
            self._changes += 1
            for key in keys:
                self._answers.pop(key, None)

    def forget_all(self) -> None:
        """Ask for all again."""
        with self._lock:
            self._changes += 1
            self._answers.clear()
            self._begun_at = 0.0 if self._seconds is None else self._seconds()

    def forget_around(self, keys: Iterable[K], writing: Deferred[R]) -> Deferred[R]:
        """Ask for these again, now and once they have been written or not."""
        which = tuple(keys)
        self.forget(which)

        def ended(result: R) -> R:
            self.forget(which)
            return result

        return writing.addBoth(ended)

    def keep_after(self, key: K, value: V | None, writing: Deferred[None]) -> Deferred[None]:
        """The same for one, of which it is known what will be there; None: nothing."""

        def written(result: None) -> None:
            with self._lock:
                if self._seconds is not None and self._is_worth_it(value):
                    self._put(key, value)
            return result

        return self.forget_around([key], writing).addCallback(written)

    def _put(self, key: K, value: V | None) -> None:
        if len(self._answers) >= MOST_RECALLED:
            self._answers.clear()
        self._answers[key] = value


def absences(seconds: Callable[[], float] | None) -> Recalled[K, V]:
    """What is recalled of things that are large: that they are not there."""
    return Recalled(seconds=seconds, is_worth_it=_is_absence)


def _is_absence(value: object) -> bool:
    return value is None
