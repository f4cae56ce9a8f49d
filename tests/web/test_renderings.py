"""The ready renderings: bounded in bytes, each made once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred

from tests.doubles.now import begun, result_of
from tiercache.web.renderings import Rendering, Renderings


class Maker:
    """Makes renderings of given sizes, and counts them."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def of(self, size_bytes: int) -> Callable[[], Awaitable[Rendering]]:
        async def make() -> Rendering:
            self.made.append(size_bytes)
            return Rendering(body=b"x" * size_bytes, etag=f'"{size_bytes}"')

        return make


def test_rendering_is_made_once_and_kept() -> None:
    maker, kept = Maker(), Renderings(limit_bytes=100)
    first = result_of(kept.rendering("a", maker.of(10)))
    assert result_of(kept.rendering("a", maker.of(10))) is first
    assert maker.made == [10]


def test_least_recently_used_leaves_first_and_only_when_the_limit_is_passed() -> None:
    maker, kept = Maker(), Renderings(limit_bytes=100)
    for key in "ab":
        result_of(kept.rendering(key, maker.of(50)))
    assert kept.held_bytes == 100
    result_of(kept.rendering("a", maker.of(50)))
    result_of(kept.rendering("c", maker.of(1)))
    assert kept.held_bytes == 51
    assert maker.made == [50, 50, 1]
    result_of(kept.rendering("a", maker.of(50)))
    assert maker.made == [50, 50, 1], "a was used since b"
    result_of(kept.rendering("b", maker.of(50)))
    assert maker.made == [50, 50, 1, 50]


def test_rendering_larger_than_the_limit_is_given_and_not_kept() -> None:
    maker, kept = Maker(), Renderings(limit_bytes=100)
    result_of(kept.rendering("a", maker.of(10)))
    assert len(result_of(kept.rendering("big", maker.of(101))).body) == 101
    assert kept.held_bytes == 10


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 40))))
def test_what_is_held_never_passes_the_limit(asks: list[tuple[int, int]]) -> None:
    maker, kept = Maker(), Renderings(limit_bytes=100)
    for key, size_bytes in asks:
        result_of(kept.rendering((key, size_bytes), maker.of(size_bytes)))
        assert 0 <= kept.held_bytes <= 100


def test_all_who_ask_meanwhile_share_one_making_and_one_that_leaves_takes_nobody_along() -> None:
    kept = Renderings(limit_bytes=100)
    gate: Deferred[None] = Deferred()
    made: list[str] = []

    async def make() -> Rendering:
        await gate
        made.append("once")
        return Rendering(body=b"x", etag='"x"')

    waiters = [begun(kept.rendering("a", make)) for _ in range(3)]
    waiters[0].addErrback(lambda failure: failure.trap(CancelledError))
    waiters[0].cancel()
    gate.callback(None)
    results: list[Rendering] = []
    for waiter in waiters[1:]:
        waiter.addCallback(results.append)
    assert [rendering.body for rendering in results] == [b"x", b"x"]
    assert made == ["once"]


def test_error_is_told_to_all_who_wait_and_not_remembered() -> None:
    kept = Renderings(limit_bytes=100)

    async def fail() -> Rendering:
        raise ValueError("cannot")

    for _ in range(2):
        with pytest.raises(ValueError, match="cannot"):
            result_of(kept.rendering("a", fail))
    assert result_of(kept.rendering("a", Maker().of(1))).body == b"x"
