"""Concurrent requests share one piece of work, and nobody can spoil it for the others."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from tests.doubles.now import begun, result_of
from tiercache.cache.collapse import Collapse
from tiercache.cache.kept import Kept
from tiercache.cache.signal import Signal
from tiercache.errors import FileAbsent


def test_concurrent_requests_for_one_key_share_one_piece_of_work() -> None:
    collapse: Collapse[str, int] = Collapse()
    gate = Signal()
    runs = []

    async def work() -> int:
        runs.append("run")
        await gate.wait()
        return 7

    first, first_collapsed = collapse.join("numpy", work)
    second, second_collapsed = collapse.join("numpy", work)
    outcomes: list[int] = []
    for shared in (first, second):
        begun(shared.result()).addCallback(outcomes.append)
    gate.fire()
    assert (first_collapsed, second_collapsed) == (False, True)
    assert runs == ["run"]
    assert outcomes == [7, 7]
    assert len(collapse) == 0


def test_different_keys_do_not_wait_for_each_other() -> None:
    collapse: Collapse[str, str] = Collapse()
    never = Signal()

    async def hangs() -> str:
        await never.wait()
        return "late"

    async def quick() -> str:
        return "now"

    collapse.join("slow", hangs)
    assert result_of(collapse.join("quick", quick)[0].result()) == "now"


def test_a_waiter_that_leaves_cancels_only_itself() -> None:
    collapse: Collapse[str, int] = Collapse()
    gate = Signal()

    async def work() -> int:
        await gate.wait()
        return 7

    shared, _ = collapse.join("numpy", work)
    left: list[object] = []
    leaving = begun(shared.result())
    leaving.addBoth(left.append)
    staying = begun(shared.result())
    leaving.cancel()
    gate.fire()
    assert getattr(left[0], "type", None) is CancelledError
    assert result_of(staying) == 7


def test_each_waiter_is_told_of_a_failure_and_the_next_request_begins_anew() -> None:
    collapse: Collapse[str, int] = Collapse()
    gate = Signal()

    async def fails() -> int:
        await gate.wait()
        raise LookupError("no")

    async def works() -> int:
        return 7

    waiting = [begun(collapse.join("numpy", fails)[0].result()) for _ in range(2)]
    gate.fire()
    for waiter in waiting:
        with pytest.raises(LookupError):
            result_of(waiter)
    assert result_of(collapse.join("numpy", works)[0].result()) == 7


def test_a_signal_wakes_those_who_wait_now_and_none_that_wait_later() -> None:
    signal = Signal()
    early: Deferred[None] = signal.wait()
    signal.fire()
    late = signal.wait()
    assert early.called
    assert not late.called


def test_a_waiter_that_is_cancelled_by_one_that_goes_on_before_it_takes_nobody_with_it() -> None:
    signal = Signal()
    first, second, third = (signal.wait() for _ in range(3))
    ended: list[object] = []
    first.addCallback(lambda _: second.cancel())
    second.addErrback(lambda failure: ended.append(failure.type))
    third.addCallback(lambda _: ended.append("third"))
    signal.fire()
    assert ended == [CancelledError, "third"]
    assert not signal.is_awaited


@pytest.mark.parametrize("waits", [True, False])
def test_what_was_not_foreseen_is_told_to_who_waits_or_else_logged(waits: bool) -> None:
    for error, is_foreseen in ((LookupError("no"), False), (FileAbsent(filename="x"), True)):
        collapse: Collapse[str, int] = Collapse()
        gate = Signal()

        async def fails(gate: Signal = gate, error: Exception = error) -> int:
            await gate.wait()
            raise error

        shared, _ = collapse.join("numpy", fails)
        waiting = begun(shared.result()) if waits else None
        with capturedLogs() as events:
            gate.fire()
        assert len(events) == (not waits and not is_foreseen)
        if waiting is not None:
            with pytest.raises(type(error)):
                result_of(waiting)


def test_what_is_kept_stays_within_its_weight_and_the_least_recently_used_goes() -> None:
    kept: Kept[str, str] = Kept(limit=6, weigh=len)
    kept.put("a", "aaa")
    kept.put("b", "bbb")
    assert kept.get("a") == "aaa"
    kept.put("c", "c")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("aaa", None, "c")


def test_what_is_heavier_than_the_limit_is_kept_alone() -> None:
    kept: Kept[str, str] = Kept(limit=3, weigh=len)
    kept.put("a", "a")
    kept.put("b", "much too heavy")
    assert kept.get("a") is None
    assert kept.get("b") == "much too heavy"
    kept.put("b", "b")
    kept.put("a", "aa")
    assert (kept.get("a"), kept.get("b"), len(kept)) == ("aa", "b", 2)
    kept.drop("b")
    kept.drop("nobody")
    assert len(kept) == 1


def test_what_is_kept_no_longer_is_told_of_for_whatever_reason() -> None:
    dropped: list[str] = []
    kept: Kept[str, str] = Kept(limit=6, weigh=len, dropped=dropped.append)
    kept.put("a", "old")
    kept.put("a", "new")
    assert dropped == ["old"]
    kept.put("b", "four")
    assert dropped == ["old", "new"]
    kept.drop("b")
    kept.drop("c")
    assert dropped == ["old", "new", "four"]
