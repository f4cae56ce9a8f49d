"""What every `ICatalogue` does with acts and deleted files.

A test module of an implementation subclasses it and gives the fixture `catalogue`.
"""

from __future__ import annotations

import pytest

from tests.doubles.now import result_of
from tests.storage.samples import ACME, ZOO, digest_of
from tiercache.errors import StoreUnusable
from tiercache.interfaces import DeletedFile, ICatalogue, NewChange
from tiercache.policy.acts import DELETED, PUBLISHED, YANKED, Act, NewAct
from tiercache.policy.news import PAGE
from tiercache.simple.model import File, ProjectName

WHEEL = "acme-1.0-py3-none-any.whl"


def act(what: str = PUBLISHED, project: str = ACME, filename: str = WHEEL, **more: str) -> NewAct:
    return NewAct(what=what, project=project, filename=filename, **more)


def deleted_file(
    project: ProjectName = ACME, filename: str = WHEEL, at: float = 1.0, *, kept: bool = True
) -> DeletedFile:
    listing = File(filename=filename, url="", hashes={"sha256": digest_of(b"wheel")}, yanked="broken", size=5)
    return DeletedFile(project=project, listing=listing, sha256=digest_of(b"wheel"), at=at, is_kept=kept)


def numbers(catalogue: ICatalogue, project: ProjectName | None, since: int | None, most: int) -> list[int]:
    return [found.number for found in catalogue.acts(project, since, most)]


class ActsContract:
    # -- acts --

    def test_acts_come_back_as_they_were_written_and_count_from_one(self, catalogue: ICatalogue) -> None:
        assert list(catalogue.acts(None, None, 10)) == []
        result_of(catalogue.append_acts([act(by="alice", detail="why"), act("strange", "", "")], 1000.25))
        assert list(catalogue.acts(None, None, 10)) == [
            Act(number=1, at=1000.25, what=PUBLISHED, project=ACME, filename=WHEEL, by="alice", detail="why"),
            Act(number=2, at=1000.25, what="strange"),
        ]

    def test_acts_and_the_page_that_they_tell_of_are_one(self, catalogue: ICatalogue) -> None:
        told = result_of(
            catalogue.store_hosted(
                ACME, b"page", [NewChange(project=ACME, what=PAGE)], 7.5, [act(), act(YANKED)], [deleted_file()]
            )
        )
        assert [change.serial for change in told] == [1]
        assert catalogue.hosted(ACME) == b"page"
        assert [(found.what, found.at) for found in catalogue.acts(ACME, 0, 10)] == [(PUBLISHED, 7.5), (YANKED, 7.5)]
        assert catalogue.deleted(ACME, WHEEL) == deleted_file()

    @pytest.mark.parametrize(
        ("project", "since", "most", "expected"),
        [
            (None, None, 10, [1, 2, 3, 4, 5]),
            (None, None, 2, [4, 5]),
            (None, None, 0, []),
            (None, 0, 2, [1, 2]),
            (None, 3, 10, [4, 5]),
            (None, 5, 10, []),
            (ACME, None, 2, [3, 5]),
            (ACME, 1, 10, [3, 5]),
            (ACME, 0, 1, [1]),
            (ZOO, None, 1, [4]),
            (ProjectName("other"), None, 10, []),
        ],
    )
    def test_acts_are_those_of_a_project_after_a_number_or_the_newest(
        self, catalogue: ICatalogue, project: ProjectName | None, since: int | None, most: int, expected: list[int]
    ) -> None:
        for name in (ACME, ZOO, ACME, ZOO, ACME):
            result_of(catalogue.append_acts([act(project=name)], 1.0))
        assert numbers(catalogue, project, since, most) == expected

    def test_acts_outlive_the_project_that_they_were_done_to(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_hosted(ACME, b"page", [], 1.0, [act()]))
        result_of(catalogue.store_hosted(ACME, None, [], 2.0, [act(DELETED)]))
        result_of(catalogue.forget_project(ACME))
        assert numbers(catalogue, ACME, None, 10) == [1, 2]

    # -- deleted files --

    def test_a_deleted_file_comes_back_as_it_was_noted_and_under_its_own_name_alone(
        self, catalogue: ICatalogue
    ) -> None:
        result_of(catalogue.store_hosted(ACME, b"page", [], 1.0, (), [deleted_file()]))
        assert catalogue.deleted(ACME, WHEEL) == deleted_file()
        assert catalogue.deleted(ZOO, WHEEL) is None
        assert catalogue.deleted(ACME, WHEEL.upper()) is None
        assert list(catalogue.deleted_of(ACME)) == [deleted_file()]
        assert list(catalogue.deleted_of(ZOO)) == []

    def test_what_is_restored_is_deleted_no_longer(self, catalogue: ICatalogue) -> None:
        other = deleted_file(filename="acme-2.0.tar.gz")
        result_of(catalogue.store_hosted(ACME, b"page", [], 1.0, (), [deleted_file(), other]))
        result_of(catalogue.store_hosted(ACME, b"page", [], 2.0, (), (), [WHEEL, "unheard-of"]))
        assert list(catalogue.deleted_of(ACME)) == [other]

    def test_what_is_known_of_a_deleted_file_is_replaced_with_an_act(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_hosted(ACME, b"page", [], 1.0, (), [deleted_file()]))
        result_of(catalogue.store_deleted(deleted_file(kept=False), [act("expired")], 9.0))
        assert list(catalogue.deleted_of(ACME)) == [deleted_file(kept=False)]
        assert [(found.what, found.at) for found in catalogue.acts(ACME, None, 10)] == [("expired", 9.0)]

    def test_deleted_files_are_had_by_their_age_those_alone_whose_bytes_are_kept(self, catalogue: ICatalogue) -> None:
        files = [
            deleted_file(ZOO, "zoo-1.0.tar.gz", 1.0),
            deleted_file(ACME, "acme-3.0.tar.gz", 2.0),
            deleted_file(ACME, "acme-1.0.tar.gz", 3.0),
            deleted_file(ACME, "acme-2.0.tar.gz", 3.0),
        ]
        for file in (files[2], files[3], files[0], files[1], deleted_file(ZOO, "zoo-0.1.tar.gz", 0.5, kept=False)):
            result_of(catalogue.store_deleted(file, (), 1.0))
        assert list(catalogue.deleted_until(3.0, 10)) == files
        assert list(catalogue.deleted_until(2.999, 10)) == files[:2]
        assert list(catalogue.deleted_until(3.0, 3)) == files[:3]
        assert list(catalogue.deleted_until(0.999, 10)) == []

    # -- its end --

    def test_a_closed_catalogue_takes_no_more_acts(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.close())
        for write in (catalogue.append_acts([act()], 1.0), catalogue.store_deleted(deleted_file(), [act()], 1.0)):
            with pytest.raises(StoreUnusable, match="closed"):
                result_of(write)
