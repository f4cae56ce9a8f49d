"""A pool whose work waits until the test lets it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

T = TypeVar("T")


@define
class HeldPool:
    """A `Pool` that holds what it is given; `go_on` does the oldest piece of work."""

    _held: list[tuple[Deferred[Any], Callable[..., Any], tuple[Any, ...]]] = field(factory=list, init=False)

    async def __call__(self, function: Callable[..., T], /, *args: Any) -> T:
        done: Deferred[T] = Deferred()
        self._held.append((done, function, args))
        return await done

    @property
    def held(self) -> int:
        """How many pieces of work wait."""
        return len(self._held)

    def go_on(self) -> None:
        """Do the oldest piece of work here and now, and hand over what it gives or raises."""
        done, function, args = self._held.pop(0)
        try:
            result = function(*args)
        except Exception:  # noqa: BLE001  # whatever it is goes to the one who waits
            done.errback()
        else:
            done.callback(result)
