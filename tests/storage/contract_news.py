"""What every `ICatalogue` does with news: the journal, what is hosted, what is reserved.

A test module of an implementation subclasses it and gives the fixtures `catalogue`, and `brief`: one whose journal
keeps `BRIEF` changes.
"""

from __future__ import annotations

import pytest

from tests.doubles.now import result_of
from tests.storage.samples import ACME, ZOO, digest_of, record, sha256_name
from tiercache.errors import StoreUnusable
from tiercache.interfaces import ICatalogue, NewChange, Reservation
from tiercache.policy.news import ALL, NAMED, PAGE, Change, Position
from tiercache.policy.selection import HERE
from tiercache.simple.model import ProjectName

BRIEF = 5


def about(project: str = ACME, what: str = PAGE, origin: str = "") -> NewChange:
    return NewChange(project=project, what=what, origin=origin)


def serials(changes: object) -> list[int] | None:
    return None if changes is None else [change.serial for change in changes]  # type: ignore[attr-defined]  # changes


class NewsContract:
    # -- the journal --

    def test_a_new_journal_has_an_epoch_and_no_changes(self, catalogue: ICatalogue) -> None:
        position = catalogue.position()
        assert position.serial == 0
        assert Position.parse(str(position)) == position
        assert len(position.epoch) == 16
        assert catalogue.changes(0, 10) == ()

    def test_changes_come_back_as_they_were_appended_with_serials_from_one_on(self, catalogue: ICatalogue) -> None:
        epoch = catalogue.position().epoch
        appended = result_of(catalogue.append_changes([about(), about(ZOO, NAMED)], 1000.25))
        assert list(appended) == [
            Change(serial=1, project=ACME, what=PAGE, at=1000.25, origin=f"{epoch}:1"),
            Change(serial=2, project=ZOO, what=NAMED, at=1000.25, origin=f"{epoch}:2"),
        ]
        assert catalogue.position() == Position(epoch=epoch, serial=2)
        assert list(catalogue.changes(0, 10) or ()) == list(appended)

    def test_a_change_that_begins_here_has_its_own_position_for_origin_and_others_keep_theirs(
        self, catalogue: ICatalogue
    ) -> None:
        result_of(catalogue.append_changes([about()], 1.0))
        appended = result_of(catalogue.append_changes([about(), about(origin="far:7"), about("", ALL)], 2.0))
        epoch = catalogue.position().epoch
        assert [change.origin for change in appended] == [f"{epoch}:2", "far:7", f"{epoch}:4"]
        assert [
            str(Position(epoch=epoch, serial=change.serial)) for change in appended if change.origin != "far:7"
        ] == [change.origin for change in appended if change.origin != "far:7"]
        assert list(catalogue.changes(1, 10) or ()) == list(appended)

    def test_nothing_appended_is_no_change(self, catalogue: ICatalogue) -> None:
        assert list(result_of(catalogue.append_changes([], 1.0))) == []
        assert catalogue.position().serial == 0

    @pytest.mark.parametrize(
        ("since", "most", "expected"),
        [
            (0, 4, [1, 2, 3, 4]),
            (0, 3, [1, 2, 3]),
            (0, 5, [1, 2, 3, 4]),
            (1, 2, [2, 3]),
            (3, 10, [4]),
            (4, 10, []),
            (5, 10, []),
            (2, 0, []),
        ],
    )
    def test_changes_are_those_after_a_serial_and_so_many_at_most(
        self, catalogue: ICatalogue, since: int, most: int, expected: list[int]
    ) -> None:
        result_of(catalogue.append_changes([about()] * 4, 1.0))
        assert serials(catalogue.changes(since, most)) == expected

    def test_only_the_newest_are_kept_and_a_hole_is_none(self, brief: ICatalogue) -> None:
        result_of(brief.append_changes([about()] * BRIEF, 1.0))
        assert serials(brief.changes(0, 100)) == [1, 2, 3, 4, 5]
        result_of(brief.append_changes([about(ZOO)], 2.0))
        assert brief.changes(0, 100) is None
        assert brief.changes(0, 1) is None
        assert serials(brief.changes(1, 100)) == [2, 3, 4, 5, 6]
        assert brief.position().serial == 6

    def test_more_at_once_than_are_kept_are_all_told_and_the_newest_kept(self, brief: ICatalogue) -> None:
        result_of(brief.append_changes([about()], 1.0))
        appended = result_of(brief.append_changes([about()] * (2 * BRIEF), 2.0))
        assert serials(appended) == list(range(2, 12))
        assert brief.changes(5, 100) is None
        assert serials(brief.changes(6, 100)) == [7, 8, 9, 10, 11]

    def test_a_serial_is_never_used_again_when_all_that_was_appended_is_gone(self, brief: ICatalogue) -> None:
        for _ in range(3):
            result_of(brief.append_changes([about()] * BRIEF, 1.0))
        assert serials(brief.changes(10, 100)) == [11, 12, 13, 14, 15]

    def test_serials_follow_the_order_of_the_calls_without_a_gap(self, catalogue: ICatalogue) -> None:
        waiting = [catalogue.append_changes([about(f"p{number}")] * (number % 3), 1.0) for number in range(30)]
        told = [change for appended in waiting for change in result_of(appended)]
        assert serials(told) == list(range(1, 31))
        assert [change.project for change in told] == [f"p{number}" for number in range(30) for _ in range(number % 3)]
        assert list(catalogue.changes(0, 100) or ()) == told

    # -- what is hosted --

    @pytest.mark.parametrize("size_bytes", [0, 1, 4096, 4097, 300_000])
    def test_a_hosted_page_comes_back_as_it_was_stored(self, catalogue: ICatalogue, size_bytes: int) -> None:
        body = (b"\x00\xff{page}" * size_bytes)[:size_bytes]
        result_of(catalogue.store_hosted(ACME, body, [], 1.0))
        assert catalogue.hosted(ACME) == body
        assert catalogue.hosted(ZOO) is None
        assert list(catalogue.hosted_names()) == [ACME]

    def test_a_hosted_page_is_no_entry_and_an_entry_no_hosted_page(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_hosted(ACME, b"page", [], 1.0))
        assert catalogue.entry(ACME) is None
        assert list(catalogue.entry_names()) == []
        result_of(catalogue.forget_entry(ACME))
        assert catalogue.hosted(ACME) == b"page"

    def test_hosting_and_its_news_are_one(self, catalogue: ICatalogue) -> None:
        told = result_of(catalogue.store_hosted(ACME, b"page", [about(), about(what=NAMED)], 7.5))
        assert [(change.serial, change.what, change.at) for change in told] == [(1, PAGE, 7.5), (2, NAMED, 7.5)]
        assert list(catalogue.changes(0, 10) or ()) == list(told)
        assert list(result_of(catalogue.store_hosted(ACME, b"new", [], 8.0))) == []
        assert (catalogue.hosted(ACME), catalogue.position().serial) == (b"new", 2)

    def test_a_project_that_is_hosted_no_longer_leaves_its_news(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_hosted(ACME, b"page", [about()], 1.0))
        told = result_of(catalogue.store_hosted(ACME, None, [about()], 2.0))
        assert serials(told) == [2]
        assert catalogue.hosted(ACME) is None
        assert list(catalogue.hosted_names()) == []
        assert serials(result_of(catalogue.store_hosted(ZOO, None, [about(ZOO)], 3.0))) == [3]

    def test_hosted_names_are_sorted(self, catalogue: ICatalogue) -> None:
        for name in ("zoo", "a-b", "a", "ab", "a1"):
            result_of(catalogue.store_hosted(ProjectName(name), b"", [], 1.0))
        assert list(catalogue.hosted_names()) == ["a", "a-b", "a1", "ab", "zoo"]

    # -- hosted files --

    def test_hosted_bytes_follow_every_change(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(b"a" * 10)))
        result_of(catalogue.store_file(record(b"b" * 20, tier=HERE)))
        assert (catalogue.stored_bytes(), catalogue.hosted_bytes()) == (30, 20)
        result_of(catalogue.store_file(record(b"a" * 10, tier=HERE)))
        assert (catalogue.stored_bytes(), catalogue.hosted_bytes()) == (30, 30)
        result_of(catalogue.forget_file(digest_of(b"b" * 20)))
        assert (catalogue.stored_bytes(), catalogue.hosted_bytes()) == (10, 10)
        result_of(catalogue.forget_file(digest_of(b"a" * 10)))
        assert (catalogue.stored_bytes(), catalogue.hosted_bytes()) == (0, 0)

    def test_the_record_of_a_hosted_file_stays_when_another_tier_has_the_file_too(self, catalogue: ICatalogue) -> None:
        mine = record(tier=HERE)
        result_of(catalogue.store_file(mine))
        result_of(catalogue.store_file(record(project=ZOO, size_bytes=99, identities=(sha256_name(b"wheel"),))))
        assert catalogue.file(sha256_name(b"wheel")) == mine
        assert list(catalogue.all_files()) == [mine]
        assert (catalogue.stored_bytes(), catalogue.hosted_bytes()) == (5, 5)

    def test_a_hosted_file_that_is_forgotten_may_be_another_tiers_from_then_on(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(tier=HERE)))
        result_of(catalogue.forget_file(digest_of(b"wheel")))
        result_of(catalogue.store_file(record(project=ZOO)))
        assert catalogue.file(sha256_name(b"wheel")) == record(project=ZOO)

    def test_the_record_of_a_hosted_file_is_replaced_by_a_hosted_files(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_file(record(tier=HERE)))
        result_of(catalogue.store_file(record(tier=HERE, project=ZOO)))
        assert catalogue.file(sha256_name(b"wheel")) == record(tier=HERE, project=ZOO)

    # -- what is reserved --

    def test_what_tiers_have_reserved_comes_back_by_tier(self, catalogue: ICatalogue) -> None:
        office = Reservation(tier="office", epoch="e1", names=(ACME, ZOO))
        backup = Reservation(tier="backup", epoch="e2", names=())
        assert list(catalogue.reservations()) == []
        result_of(catalogue.store_reservation(office))
        result_of(catalogue.store_reservation(backup))
        assert list(catalogue.reservations()) == [backup, office]

    def test_a_reservation_is_replaced_and_forgotten(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_reservation(Reservation(tier="office", epoch="e1", names=(ACME, ZOO))))
        result_of(catalogue.store_reservation(Reservation(tier="office", epoch="e2", names=(ZOO,))))
        assert list(catalogue.reservations()) == [Reservation(tier="office", epoch="e2", names=(ZOO,))]
        result_of(catalogue.store_reservation(Reservation(tier="office", epoch="", names=())))
        result_of(catalogue.store_reservation(Reservation(tier="unheard", epoch="", names=())))
        assert list(catalogue.reservations()) == []

    def test_names_without_an_epoch_are_kept(self, catalogue: ICatalogue) -> None:
        by_hand = Reservation(tier="office", epoch="", names=(ACME,))
        result_of(catalogue.store_reservation(by_hand))
        assert list(catalogue.reservations()) == [by_hand]

    def test_a_hundred_thousand_reserved_names_come_back(self, catalogue: ICatalogue) -> None:
        many = Reservation(tier="office", epoch="e", names=tuple(ProjectName(f"p{n:06}") for n in range(100_000)))
        result_of(catalogue.store_reservation(many))
        assert list(catalogue.reservations()) == [many]

    # -- its end --

    def test_a_closed_catalogue_takes_no_more_news(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.close())
        for write in (
            catalogue.append_changes([about()], 1.0),
            catalogue.store_hosted(ACME, b"page", [about()], 1.0),
        ):
            with pytest.raises(StoreUnusable, match="closed"):
                result_of(write)
