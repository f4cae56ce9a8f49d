"""The journal, and who listens to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import define
from twisted.internet.defer import Deferred

from tests.doubles.now import begun, result_of
from tiercache.cache.journal import MOST_BEHIND, Journal, Subscription
from tiercache.cache.origins import Origins
from tiercache.errors import ReaderBehind, StoreFull
from tiercache.interfaces import FeedEvent, NewChange
from tiercache.policy.news import NAMED, PAGE, Change, Position
from tiercache.storage.memory import MemoryCatalogue
from tiercache.wire import MOST_CHANGES, Changes, Live

EPOCH = "e1"
OWN = "a" * 16


def at(serial: int, epoch: str = EPOCH) -> Position:
    return Position(epoch=epoch, serial=serial)


def journal(catalogue: MemoryCatalogue | None = None, **differently: int) -> Journal:
    kept = catalogue or MemoryCatalogue(epoch=EPOCH, **differently)
    return Journal(catalogue=kept, now=lambda: 7.0, node_id=OWN)


def append(journal: Journal, *projects: str, origin: str = "", also: Sequence[Position] = ()) -> None:
    changes = [NewChange(project=project, what=PAGE, origin=origin) for project in projects]
    result_of(journal.append(changes, also))


def next_of(subscription: Subscription) -> FeedEvent:
    event: FeedEvent = result_of(subscription.read())
    return event


def told(subscription: Subscription) -> list[str]:
    """What is there to be read now, as words."""
    words = []
    while (reading := begun(subscription.read())).called:
        words.append(_word(result_of(reading)))
    reading.addErrback(lambda _: None)
    reading.cancel()
    return words


def _word(event: FeedEvent) -> str:
    if event.is_reset:
        return f"reset {event.position.serial}"
    if event.live is not None:
        return f"live {event.position.serial}"
    assert event.change is not None
    return f"{event.change.project} {event.position.serial}"


# -- who listens ------------------------------------------------------------------------------------------------


def test_who_listens_from_now_on_is_told_what_is_live_and_then_what_happens() -> None:
    here = journal()
    append(here, "old")
    listener = here.subscribe(None)
    assert next_of(listener) == FeedEvent(position=at(1), live=Live(live={OWN: 0}))
    append(here, "numpy")
    change = Change(serial=2, project="numpy", what=PAGE, at=7.0, origin=f"{EPOCH}:2")
    assert next_of(listener) == FeedEvent(position=at(2), change=change)
    assert told(listener) == []


def test_who_was_away_is_told_what_was_missed_before_what_is_live() -> None:
    here = journal()
    append(here, "a", "b", "c")
    assert told(here.subscribe(at(1))) == ["b 2", "c 3", "live 3"]
    assert told(here.subscribe(at(3))) == ["live 3"]
    assert told(here.subscribe(at(0))) == ["a 1", "b 2", "c 3", "live 3"]


def test_who_waits_is_told_at_once() -> None:
    here = journal()
    listener = here.subscribe(None)
    assert told(listener) == ["live 0"]
    waiting = begun(listener.read())
    assert not waiting.called
    append(here, "numpy")
    assert _word(result_of(waiting)) == "numpy 1"


@pytest.mark.parametrize("since", [at(2, "e0"), at(4), at(10**17)], ids=str)
def test_a_position_of_another_epoch_or_of_the_future_is_a_reset(since: Position) -> None:
    here = journal()
    append(here, "a", "b", "c")
    assert told(here.subscribe(since)) == ["reset 3", "live 3"]
    assert here.changes(since).reset


def test_what_is_not_kept_any_more_is_a_reset_and_what_still_is_is_told() -> None:
    here = journal(changes_kept=2)
    append(here, "a", "b", "c")
    assert told(here.subscribe(at(0))) == ["reset 3", "live 3"]
    assert told(here.subscribe(at(1))) == ["b 2", "c 3", "live 3"]


def test_more_than_one_answers_worth_of_missed_changes_is_told_in_order() -> None:
    here = journal()
    append(here, *["p"] * (2 * MOST_CHANGES + 1))
    listener = here.subscribe(at(0))
    serials = [next_of(listener).position.serial for _ in range(2 * MOST_CHANGES + 1)]
    assert serials == list(range(1, 2 * MOST_CHANGES + 2))
    assert told(listener) == [f"live {2 * MOST_CHANGES + 1}"]


def test_what_happens_while_the_missed_is_being_told_is_told_once_and_behind_it() -> None:
    here = journal()
    append(here, *["p"] * MOST_CHANGES)
    listener = here.subscribe(at(0))
    assert next_of(listener).position.serial == 1
    append(here, "late")
    words = told(listener)
    assert words[-2:] == [f"late {MOST_CHANGES + 1}", f"live {MOST_CHANGES + 1}"]
    assert words.count(f"late {MOST_CHANGES + 1}") == 1


def test_what_happens_between_listening_and_the_first_look_is_not_lost() -> None:
    here = journal()
    listener = here.subscribe(None)
    append(here, "early")
    assert told(listener) == ["early 1", "live 1"]


def test_who_does_not_read_is_cut_when_too_much_waits_and_not_before() -> None:
    here = journal()
    slow, quick = here.subscribe(None), here.subscribe(None)
    assert told(slow) == told(quick) == ["live 0"]
    append(here, *["p"] * MOST_BEHIND)
    assert len(told(quick)) == MOST_BEHIND
    append(here, "one-more")
    assert told(quick) == [f"one-more {MOST_BEHIND + 1}"]
    assert [next_of(slow).position.serial for _ in range(MOST_BEHIND)] == list(range(1, MOST_BEHIND + 1))
    with pytest.raises(ReaderBehind, match="more than 1000 events behind"):
        next_of(slow)


def test_who_has_left_is_told_nothing_more() -> None:
    here = journal()
    listener = here.subscribe(None)
    assert told(listener) == ["live 0"]
    listener.close()
    listener.close()
    append(here, "numpy")
    assert told(listener) == []


# -- what is live, what is reserved -----------------------------------------------------------------------------


def test_another_set_of_live_nodes_or_reserved_names_is_told_once() -> None:
    here = journal()
    listener = here.subscribe(None)
    assert told(listener) == ["live 0"]
    here.set_live({"b" * 16: 1})
    assert next_of(listener).live == Live(live={OWN: 0, "b" * 16: 1})
    here.set_live({"b" * 16: 1})
    here.set_reserved("digest")
    assert next_of(listener).live == Live(live={OWN: 0, "b" * 16: 1}, reserved="digest")
    here.set_reserved("digest")
    assert told(listener) == []


def test_a_node_is_always_live_itself_whatever_others_say_of_it() -> None:
    here = journal()
    here.set_live({OWN: 3})
    assert here.live == {OWN: 0}
    here.set_live({})
    assert here.live == {OWN: 0}


# -- what is put in ---------------------------------------------------------------------------------------------


@define(eq=False, slots=False)
class SlowCatalogue(MemoryCatalogue):
    """Appends at once, and says so when a test lets it."""

    held: list[Deferred[Sequence[Change]]] | None = None

    def append_changes(self, changes: Sequence[NewChange], at: float) -> Deferred[Sequence[Change]]:
        appended = super().append_changes(changes, at)
        if self.held is None:
            return appended
        waiting: Deferred[Sequence[Change]] = Deferred()
        self.held.append(waiting)
        waiting.addCallback(lambda _: result_of(appended))
        return waiting


def test_nobody_is_told_before_it_is_durable_and_everybody_in_order_whatever_comes_first() -> None:
    catalogue = SlowCatalogue(epoch=EPOCH)
    here = journal(catalogue)
    listener = here.subscribe(None)
    assert told(listener) == ["live 0"]
    catalogue.held = []
    first, second = (begun(here.append([NewChange(project=name, what=PAGE)])) for name in ("a", "b"))
    assert told(listener) == []
    catalogue.held[1].callback(())
    assert told(listener) == ["a 1", "b 2"]
    assert second.called
    assert not first.called
    catalogue.held[0].callback(())
    assert told(listener) == []


def test_what_nobody_was_told_yet_is_found_in_the_journal_by_nobody_either() -> None:
    """It may be durable before the page shows it: who heard of it now would take the page as it was for the newest."""
    catalogue = SlowCatalogue(epoch=EPOCH)
    here = journal(catalogue)
    append(here, "old")
    catalogue.held = []
    begun(here.append([NewChange(project="a", what=PAGE)]))
    assert here.position == at(2)
    listener = here.subscribe(at(0))
    assert told(listener) == ["old 1", "live 1"]
    assert here.changes(at(1)) == Changes(epoch=EPOCH, serial=1)
    assert here.changes(at(0, "e0")) == Changes(epoch=EPOCH, serial=1, reset=True)
    catalogue.held[0].callback(())
    assert told(listener) == ["a 2"]
    assert here.changes(at(1)).serial == 2


def test_changes_that_the_catalogue_wrote_itself_are_told() -> None:
    catalogue = MemoryCatalogue(epoch=EPOCH)
    here = journal(catalogue)
    listener = here.subscribe(None)
    assert told(listener) == ["live 0"]
    written = result_of(catalogue.append_changes([NewChange(project="acme", what=NAMED)], 1.0))
    here.published(written)
    here.published(written)
    assert told(listener) == ["acme 1"]


def test_nothing_appended_is_nothing_told() -> None:
    here = journal()
    listener = here.subscribe(None)
    assert told(listener) == ["live 0"]
    append(here)
    here.published(())
    assert told(listener) == []
    assert here.position == at(0)


# -- where news began -------------------------------------------------------------------------------------------


def test_news_that_was_passed_on_or_began_here_is_known_and_after_a_restart_too() -> None:
    catalogue = MemoryCatalogue(epoch=EPOCH)
    here = journal(catalogue)
    append(here, "own")
    append(here, "numpy", origin="far:7", also=[at(6, "far")])
    for again, stood_for in ((here, True), (journal(catalogue), False)):
        assert again.knows(at(1))
        assert again.knows(at(99))  # ours, whatever became of it
        assert again.knows(at(7, "far"))
        assert again.knows(at(6, "far")) is stood_for
        assert not again.knows(at(8, "far"))


def test_news_that_could_not_be_written_down_is_not_known() -> None:
    here = journal(MemoryCatalogue(epoch=EPOCH, room_bytes=0))
    with pytest.raises(StoreFull):
        append(here, "numpy", origin="far:7")
    assert not here.knows(at(7, "far"))


def test_of_what_was_forgotten_all_before_it_is_known_too() -> None:
    origins = Origins(most=3)
    origins.note(at(serial, "far") for serial in (1, 2, 4, 5, 6))
    assert [serial for serial in range(1, 9) if at(serial, "far") in origins] == [1, 2, 4, 5, 6]
    origins.note([at(1, "near")])
    assert [serial for serial in range(1, 9) if at(serial, "far") in origins] == [1, 2, 3, 4, 5, 6]
    assert at(2, "near") not in origins


def test_origins_are_bounded_whatever_they_are() -> None:
    origins = Origins(most=10)
    origins.note(at(number, f"epoch-{number}") for number in range(1000))
    assert len(origins._kept) == len(origins._forgotten) == 10


def test_of_a_journal_that_was_set_back_nothing_is_known() -> None:
    origins = Origins(most=2)
    origins.note(at(serial, "far") for serial in range(5))
    origins.forget("far")
    assert not any(at(serial, "far") in origins for serial in range(9))
