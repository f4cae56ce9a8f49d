"""Work of many small steps, and the turns of others in between."""

from __future__ import annotations

from twisted.internet.task import Clock

from tests.doubles.now import begun
from tests.prefetch.closing import ALICE, ONE, ClosingNode, as_locked, locked, wheel_of
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.slices import LONGEST_S, Slices


class Busy(Clock):
    """Time that passes whenever it is looked at."""

    def seconds(self) -> float:
        self.rightNow += LONGEST_S / 2
        return self.rightNow


def test_steps_go_on_for_a_moment_and_then_others_have_their_turn() -> None:
    clock = Clock()
    slices = Slices(clock=clock)
    clock.advance(LONGEST_S * 0.9)
    assert begun(slices.next()).called
    clock.advance(LONGEST_S * 0.2)
    waiting = begun(slices.next())
    assert not waiting.called
    clock.advance(0)
    assert waiting.called
    assert begun(slices.next()).called


def test_a_report_about_many_files_lets_clients_have_their_turns() -> None:
    node = ClosingNode(clock=Busy())
    node.lists("app", wheel_of("app", "1.0", "part"))
    node.lists("part", wheel_of("part", "1.0"))
    finding = begun(node.closing.closure(ONE, Inputs(requirements=("app",)), ALICE))
    closure = finding.result
    reporting = begun(node.readiness.report(ONE, Inputs(requirements=("app",)), closure, ALICE))
    assert not reporting.called
    for _ in range(20):
        node.clock.advance(0)
    assert reporting.called


def test_what_grows_with_a_lock_is_done_in_the_pool() -> None:
    done: list[str] = []

    async def pool(function, *args):  # type: ignore[no-untyped-def]  # a `Pool`
        done.append(function.__name__)
        return function(*args)

    node = ClosingNode(pool=pool)
    (app,) = node.lists("app", wheel_of("app", "1.0"))
    releases = (locked("app", "1.0", as_locked(app)),)
    closure = node.closure(ONE, locked=releases)
    assert done == ["locked_for", "_take_locked", "pins_of"]
    node.bring_in(closure)
    node.report(ONE, closure, locked=releases)
    assert done[3:] == ["locked_for", "_lacking"]
