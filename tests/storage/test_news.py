"""News in SQLite and in memory: the contract, restarts, group commit, full disks, damage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import at_once, begun, result_of
from tests.storage.contract_news import BRIEF, NewsContract, about, serials
from tests.storage.samples import ACME, ZOO, entry
from tests.storage.test_catalogue import NOISE, limited, plan_of, writer_of
from tiercache.errors import StoreFull, StoreUnusable
from tiercache.interfaces import Reservation
from tiercache.policy.news import Change
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES
from tiercache.storage.sqlite import hosted, news
from tiercache.storage.statement import Statement


class TestNewsInSqlite(NewsContract):
    """The contract, for a catalogue in SQLite."""

    @pytest.fixture
    def brief(self, path: Path) -> Iterator[SqlCatalogue]:
        opened = SqlCatalogue.open(path, writer=at_once, changes_kept=BRIEF)
        yield opened
        result_of(opened.close())


class TestNewsInMemory(NewsContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()

    @pytest.fixture
    def brief(self) -> MemoryCatalogue:
        return MemoryCatalogue(changes_kept=BRIEF)


# -- restarts -------------------------------------------------------------------------------------------------------


def test_epoch_serial_hosted_pages_and_reservations_outlive_a_restart(path: Path) -> None:
    office = Reservation(tier="office", epoch="e1", names=(ACME, ZOO))
    first = SqlCatalogue.open(path, writer=at_once)
    told = result_of(first.store_hosted(ACME, b"page" * 2000, [about(), about(origin="far:9")], 5.5))
    result_of(first.store_reservation(office))
    position = first.position()
    result_of(first.close())
    second = SqlCatalogue.open(path, writer=at_once)
    assert second.position() == position
    assert list(second.changes(0, 10) or ()) == list(told)
    assert second.hosted(ACME) == b"page" * 2000
    assert list(second.reservations()) == [office]
    assert serials(result_of(second.append_changes([about()], 6.0))) == [3]
    result_of(second.close())


def test_a_new_store_has_another_epoch(tmp_path: Path) -> None:
    epochs = set()
    for number in range(3):
        catalogue = SqlCatalogue.open(tmp_path / f"{number}.sqlite", writer=at_once)
        epochs |= {catalogue.position().epoch, MemoryCatalogue().position().epoch}
        result_of(catalogue.close())
    assert len(epochs) == 6


def test_a_store_that_was_wiped_under_the_same_path_has_another_epoch(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    before = first.position().epoch
    result_of(first.close())
    path.unlink()
    second = SqlCatalogue.open(path, writer=at_once)
    assert second.position().epoch != before
    result_of(second.close())


def test_fewer_are_kept_after_a_restart_that_keeps_fewer(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    result_of(first.append_changes([about()] * 20, 1.0))
    result_of(first.close())
    second = SqlCatalogue.open(path, writer=at_once, changes_kept=BRIEF)
    result_of(second.append_changes([about()], 1.0))
    assert second.changes(15, 100) is None
    assert serials(second.changes(16, 100)) == [17, 18, 19, 20, 21]
    result_of(second.close())


# -- group commit ---------------------------------------------------------------------------------------------------


def test_serials_have_no_gap_and_follow_the_order_of_commits_under_group_commit(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    answered: list[tuple[str, list[int] | None]] = []

    def noted(name: str, changes: Deferred[object]) -> None:
        changes.addCallback(lambda told: answered.append((name, serials(told))))

    noted("first", begun(catalogue.append_changes([about()], 1.0)))
    noted("two", begun(catalogue.append_changes([about()] * 2, 1.0)))
    catalogue.store_entry(entry())
    noted("none", begun(catalogue.append_changes([], 1.0)))
    noted("hosted", begun(catalogue.store_hosted(ACME, b"page", [about()], 1.0)))
    noted("three", begun(catalogue.append_changes([about()] * 3, 1.0)))
    assert (catalogue.position().serial, answered) == (0, [])
    pool.go_on()
    assert answered == [("first", [1])]
    assert pool.held == 1  # all others in one transaction
    pool.go_on()
    assert answered[1:] == [("two", [2, 3]), ("none", []), ("hosted", [4]), ("three", [5, 6, 7])]
    assert serials(catalogue.changes(0, 100)) == [1, 2, 3, 4, 5, 6, 7]


def test_a_change_that_cannot_be_made_takes_no_serial_from_those_beside_it(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    catalogue.store_setting("first", "holds the writer")
    before = begun(catalogue.append_changes([about()], 1.0))
    impossible = begun(catalogue.append_changes([about(ZOO)], float("nan")))
    half = begun(catalogue.store_hosted(ZOO, b"page", [about(), about("\ud800")], 1.0))
    after = begun(catalogue.append_changes([about()], 1.0))
    pool.go_on()
    pool.go_on()
    assert (serials(result_of(before)), serials(result_of(after))) == ([1], [2])
    with pytest.raises(StoreUnusable, match="NOT NULL"):
        result_of(impossible)
    with pytest.raises(UnicodeEncodeError):
        result_of(half)
    assert [change.project for change in catalogue.changes(0, 9) or ()] == [ACME, ACME]
    assert catalogue.hosted(ZOO) is None


def test_two_processes_that_append_to_one_journal_share_its_serials(path: Path, catalogue: SqlCatalogue) -> None:
    other = SqlCatalogue.open(path, writer=at_once)  # SQLite knows no processes: each connection stands for one
    told: list[Change] = []
    for number in range(10):
        told += result_of((catalogue, other)[number % 2].append_changes([about(f"p{number}")], 1.0))
    assert serials(told) == list(range(1, 11))
    assert list(other.changes(0, 100) or ()) == list(catalogue.changes(0, 100) or ()) == told
    result_of(other.close())


def test_a_waiter_that_gives_up_does_not_take_back_what_it_appended(path: Path) -> None:
    pool = HeldPool()
    catalogue = SqlCatalogue.open(path, writer=pool)
    given_up = catalogue.append_changes([about()], 1.0)
    other = begun(catalogue.append_changes([about(ZOO)], 1.0))
    given_up.addErrback(lambda _cancelled: None)
    given_up.cancel()
    pool.go_on()
    pool.go_on()
    assert serials(result_of(other)) == [2]
    assert serials(catalogue.changes(0, 9)) == [1, 2]


# -- a full disk ----------------------------------------------------------------------------------------------------


def test_hosting_without_room_changes_neither_the_page_nor_the_journal(catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_hosted(ACME, b"old", [about()], 1.0))
    limited(catalogue, 4)
    with pytest.raises(StoreFull):
        result_of(catalogue.store_hosted(ACME, NOISE, [about()], 2.0))
    assert (catalogue.hosted(ACME), catalogue.position().serial) == (b"old", 1)
    assert serials(result_of(catalogue.append_changes([about()], 3.0))) == [2]


def test_a_disk_that_fills_up_between_the_page_and_its_news_changes_neither(catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_hosted(ACME, b"old", [about()], 1.0))
    limited(catalogue, 4)
    long_news = [about(f"p{number:09}" * 20) for number in range(200)]
    with pytest.raises(StoreFull):
        result_of(catalogue.store_hosted(ACME, b"new", long_news, 2.0))
    with pytest.raises(StoreFull):
        result_of(catalogue.store_hosted(ACME, None, long_news, 2.0))
    assert (catalogue.hosted(ACME), catalogue.position().serial) == (b"old", 1)
    assert serials(catalogue.changes(0, 9)) == [1]


def test_memory_that_fills_up_between_the_page_and_its_news_changes_neither() -> None:
    catalogue = MemoryCatalogue(room_bytes=3 * ROW_BYTES + 4)
    result_of(catalogue.store_hosted(ACME, b"old", [about()], 1.0))
    with pytest.raises(StoreFull):
        result_of(catalogue.store_hosted(ACME, b"larger", [about()], 2.0))
    with pytest.raises(StoreFull):
        result_of(catalogue.append_changes([about()] * 2, 2.0))
    assert (catalogue.hosted(ACME), catalogue.position().serial) == (b"old", 1)
    assert serials(result_of(catalogue.store_hosted(ACME, b"new!", [about()], 3.0))) == [2]
    with pytest.raises(StoreFull):
        result_of(catalogue.store_reservation(Reservation(tier="office", epoch="e", names=())))


def test_a_journal_in_memory_that_keeps_no_more_takes_no_more_room() -> None:
    catalogue = MemoryCatalogue(room_bytes=BRIEF * ROW_BYTES, changes_kept=BRIEF)
    for _ in range(4):
        result_of(catalogue.append_changes([about()] * 3, 1.0))
    assert catalogue.position().serial == 12


# -- damage ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "readable_from"), [("serial = 2", 2), ("serial = 4", None), ("serial > 1", None), ("1", None)]
)
def test_a_change_that_the_disk_lost_is_a_hole(catalogue: SqlCatalogue, lost: str, readable_from: int | None) -> None:
    result_of(catalogue.append_changes([about()] * 4, 1.0))
    writer_of(catalogue).execute(f"DELETE FROM changes WHERE {lost}")
    whole = [since for since in range(4) if catalogue.changes(since, 100) is not None]
    assert whole == ([] if readable_from is None else list(range(readable_from, 4)))
    assert serials(catalogue.changes(4, 100)) == []
    result_of(catalogue.append_changes([about()], 1.0))
    assert serials(catalogue.changes(4, 100)) == [5]


def test_a_damaged_hosted_page_is_told_and_never_taken_for_none(catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_hosted(ACME, b"page" * 5000, [], 1.0))
    writer_of(catalogue).execute("UPDATE hosted SET data = substr(data, 1, 20)")
    with pytest.raises(StoreUnusable, match="acme-rocket, which is hosted here, is damaged"):
        catalogue.hosted(ACME)
    assert list(catalogue.hosted_names()) == [ACME]
    result_of(catalogue.store_hosted(ACME, b"again", [], 1.0))
    assert catalogue.hosted(ACME) == b"again"


def test_damaged_reservations_are_told_and_never_taken_for_none(catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_reservation(Reservation(tier="office", epoch="e", names=(ACME,))))
    writer_of(catalogue).execute("UPDATE reservations SET names = x'5b22'")
    with pytest.raises(StoreUnusable, match="office has reserved are damaged"):
        catalogue.reservations()


def test_a_journal_without_its_position_is_told(catalogue: SqlCatalogue) -> None:
    writer_of(catalogue).execute("DELETE FROM position")
    with pytest.raises(StoreUnusable, match="lost its position"):
        catalogue.position()


# -- cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        news.CHANGES_AFTER,
        hosted.HOSTED_PAGE,
        hosted.ACTS_AFTER,
        hosted.ACTS_OF_PROJECT_AFTER,
        hosted.NEWEST_ACTS_OF_PROJECT,
        hosted.DELETED_FILE,
        hosted.DELETED_OF,
    ],
)
def test_no_news_is_looked_for_through_a_whole_table(catalogue: SqlCatalogue, asked: Statement) -> None:
    assert [step.split()[0] for step in plan_of(catalogue, asked)] == ["SEARCH"]


def test_pruning_goes_to_what_it_removes_and_through_nothing_else(catalogue: SqlCatalogue) -> None:
    plan = plan_of(catalogue, news.PRUNE)
    assert [step for step in plan if "changes" in step] == ["SEARCH changes USING PRIMARY KEY (serial<?)"]
