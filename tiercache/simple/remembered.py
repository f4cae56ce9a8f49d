"""What is read of a text once, and recalled for a while: the same texts come again with nearly every request."""

from __future__ import annotations

from collections.abc import Callable, Sized
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

S = TypeVar("S", bound=Sized)
P = ParamSpec("P")
R = TypeVar("R")


def remembered(
    *, most: int, longest: int
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """A decorator of pure functions: recalls `most` results, of texts that are no longer than `longest`.

    Who sends others has them read each time, and fills no memory by it.
    """

    def remembering(read: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        recalled = cast("Callable[Concatenate[S, P], R]", lru_cache(maxsize=most)(read))

        @wraps(read)
        def read_once(text: S, /, *more: P.args, **named: P.kwargs) -> R:
            return (recalled if len(text) <= longest else read)(text, *more, **named)

        return read_once

    return remembering
