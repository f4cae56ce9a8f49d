"""Work that nobody waits for: one piece in each turn of the reactor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock

from tiercache.prefetch.turns import Turns


@define
class Reactor:
    """Of a reactor its turns: what is to be done at once is done in the next."""

    due: list[Callable[[], None]] = field(factory=list)

    def callLater(self, delay: float, call: Callable[[], None]) -> None:  # noqa: N802  # twisted's name
        assert delay == 0
        self.due.append(call)

    def turn(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


def waiting(turns: Turns, done: list[int], *numbers: int) -> list[Deferred[None]]:
    async def work(number: int) -> None:
        await turns.next()
        done.append(number)

    return [ensureDeferred(work(number)) for number in numbers]


def test_one_goes_on_in_a_turn_in_the_order_in_which_they_asked() -> None:
    reactor: Any = Reactor()
    done: list[int] = []
    waiting(Turns(clock=reactor), done, 1, 2, 3)
    assert done == []
    for number in (1, 2, 3):
        reactor.turn()
        assert done == [*range(1, number + 1)]
    reactor.turn()
    assert reactor.due == []


def test_who_asks_again_is_behind_those_who_wait() -> None:
    reactor: Any = Reactor()
    turns, done = Turns(clock=reactor), list[int]()
    waiting(turns, done, 1, 2)
    reactor.turn()
    waiting(turns, done, 3)
    reactor.turn()
    reactor.turn()
    assert done == [1, 2, 3]


def test_who_is_cancelled_holds_up_nobody() -> None:
    clock, done = Clock(), list[int]()
    first, *_ = waiting(Turns(clock=clock), done, 1, 2)
    first.addErrback(lambda _failure: None)
    first.cancel()
    clock.advance(0)
    assert done == [2]
