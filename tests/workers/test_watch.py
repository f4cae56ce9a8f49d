"""When a worker counts as one that hangs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import define, field
from twisted.internet.task import Clock

from tests.web.hot.twins import WorkerTwins
from tiercache.workers.watch import ALIVE_EVERY_S, MOST_SILENT, MOST_SILENT_AT_FIRST, Watch


@define(eq=False)
class Watched:
    clock: Clock = field(factory=Clock)
    hung: int = 0
    watch: Watch = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.watch = Watch(clock=self.clock, hangs=self._hangs)
        self.watch.begin()

    def _hangs(self) -> None:
        self.hung += 1

    def go_on(self, looks: int) -> None:
        for _ in range(looks):
            self.clock.advance(ALIVE_EVERY_S)


def test_silence_is_borne_for_some_looks_and_told_of_once() -> None:
    watched = Watched()
    watched.watch.heard()
    watched.go_on(MOST_SILENT)
    assert watched.hung == 0
    watched.go_on(1)
    assert watched.hung == 1
    watched.go_on(MOST_SILENT * 3)
    assert watched.hung == 1


def test_every_word_counts() -> None:
    watched = Watched()
    for _ in range(10):
        watched.watch.heard()
        watched.go_on(MOST_SILENT)
    assert watched.hung == 0


def test_worker_that_is_loaded_slowly_is_let_load() -> None:
    watched = Watched()
    watched.go_on(MOST_SILENT_AT_FIRST)
    assert watched.hung == 0
    watched.go_on(1)
    assert watched.hung == 1


def test_node_that_was_held_up_itself_blames_nobody() -> None:
    watched = Watched()
    watched.watch.heard()
    watched.clock.advance(600.0)
    assert watched.hung == 0


@pytest.mark.parametrize("before", [lambda _: None, lambda watched: watched.go_on(MOST_SILENT * 2)])
def test_nobody_looks_after_the_end(before: Callable[[Watched], None]) -> None:
    watched = Watched()
    watched.watch.heard()
    before(watched)
    hung = watched.hung
    watched.watch.end()
    watched.watch.end()
    watched.go_on(MOST_SILENT_AT_FIRST * 2)
    assert watched.hung == hung
    assert watched.clock.getDelayedCalls() == []


def test_worker_says_that_it_is_alive_though_nobody_asks_it_anything() -> None:
    joined = WorkerTwins().joined
    joined.spoke_at.clear()
    for _ in range(4):
        joined.clock.advance(ALIVE_EVERY_S)
    assert len(joined.spoke_at) == 4
