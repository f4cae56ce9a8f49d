"""Where blocking work is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Pool(Protocol):
    """Runs blocking work off the reactor thread: `await pool(function, *args)`; in tests, at once."""

    def __call__(self, function: Callable[..., T], /, *args: Any) -> Awaitable[T]: ...
