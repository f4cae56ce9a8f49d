"""What a check finds of that which was published on the node, which nobody else has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.doubles.now import result_of
from tests.storage.samples import ACME, ZOO, digest_of, record, sha256_name, stored
from tests.storage.test_fsck import checked, troubles
from tiercache.interfaces import ICatalogue
from tiercache.policy.selection import HERE
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.stored import dump_page
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.fsck import Trouble
from tiercache.storage.threads import on_the_spot

WHEEL = b"wheel " * 1000
FILENAME = "acme_rocket-1.0.tar.gz"


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    return FolderFiles.at(tmp_path)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[SqlCatalogue]:
    catalogue = SqlCatalogue.open(tmp_path / "catalogue.sqlite", writer=on_the_spot)
    yield catalogue
    result_of(catalogue.close())


def listing_of(data: bytes, filename: str = FILENAME) -> File:
    return File(filename=filename, url="", hashes={"sha256": digest_of(data)}, size=len(data))


def host(catalogue: ICatalogue, *contents: bytes, project: ProjectName = ACME, recorded: bool = True) -> None:
    listings = tuple(map(listing_of, contents))
    for data, listing in zip(contents, listings, strict=True):
        if recorded:
            result_of(catalogue.store_file(record(data, tier=HERE, project=project, listing=listing)))
    result_of(catalogue.store_hosted(project, dump_page(Page(project=project, files=listings)), [], 1.0))


@pytest.mark.parametrize("repair", [True, False])
def test_what_was_published_and_is_all_there_is_sound(
    files: FolderFiles, catalogue: SqlCatalogue, repair: bool
) -> None:
    host(catalogue, WHEEL, b"other")
    for data in (WHEEL, b"other"):
        stored(files, data)
    report = checked(files, catalogue, repair=repair)
    assert (report.findings, report.is_sound) == ((), True)
    assert len(list(catalogue.all_files())) == 2


def test_a_published_file_that_is_gone_is_told_with_what_to_do(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    host(catalogue, WHEEL)
    report = checked(files, catalogue)
    sha256 = digest_of(WHEEL)
    assert troubles(report) == [(sha256, Trouble.MISSING), (sha256, Trouble.LOST)]
    assert not report.is_sound
    assert str(report.findings[1]) == (
        f"{sha256} ({FILENAME} of acme-rocket) was published here and is lost: publish it again"
    )
    assert troubles(checked(files, catalogue)) == [(sha256, Trouble.LOST)]  # for as long as it is


def test_a_published_file_that_is_corrupt_is_quarantined_and_told_to_be_lost(
    tmp_path: Path, files: FolderFiles, catalogue: SqlCatalogue
) -> None:
    host(catalogue, WHEEL)
    sha256 = stored(files, WHEEL)
    (tmp_path / "files" / sha256[:2] / sha256).write_bytes(WHEEL[:-1] + b"!")
    report = checked(files, catalogue)
    assert troubles(report) == [(sha256, Trouble.CORRUPT), (sha256, Trouble.LOST)]
    assert not report.is_sound
    assert (tmp_path / "quarantine" / sha256).exists()


@pytest.mark.parametrize("repair", [True, False])
def test_a_published_file_without_a_record_is_never_removed_and_recorded_again(
    files: FolderFiles, catalogue: SqlCatalogue, repair: bool
) -> None:
    host(catalogue, WHEEL, recorded=False)
    sha256 = stored(files, WHEEL)
    report = checked(files, catalogue, repair=repair)
    assert troubles(report) == [(sha256, Trouble.UNGUARDED)]
    assert report.is_sound
    assert files.size(sha256) == len(WHEEL)
    assert catalogue.file(sha256_name(WHEEL)) == record(
        WHEEL, tier=HERE, listing=listing_of(WHEEL), stored_at=0.0, used_at=0.0
    )
    assert checked(files, catalogue, repair=repair).findings == ()


def test_a_published_file_that_is_recorded_as_another_tiers_is_kept_from_eviction_again(
    files: FolderFiles, catalogue: SqlCatalogue
) -> None:
    host(catalogue, WHEEL, recorded=False)
    sha256 = stored(files, WHEEL)
    result_of(catalogue.store_file(record(WHEEL, project=ZOO)))
    assert troubles(checked(files, catalogue)) == [(sha256, Trouble.UNGUARDED)]
    assert catalogue.file(sha256_name(WHEEL)) == record(WHEEL, tier=HERE, listing=listing_of(WHEEL))
    assert catalogue.hosted_bytes() == len(WHEEL)


def test_a_published_file_that_is_on_no_page_is_kept(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_file(record(WHEEL, tier=HERE)))
    sha256 = stored(files, WHEEL)
    report = checked(files, catalogue, repair=True)
    assert troubles(report) == [(sha256, Trouble.UNLISTED)]
    assert report.is_sound
    assert files.size(sha256) == len(WHEEL)


def test_the_same_file_on_two_hosted_pages_is_sound(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    host(catalogue, WHEEL)
    host(catalogue, WHEEL, project=ZOO)
    stored(files, WHEEL)
    assert checked(files, catalogue, repair=True).findings == ()


@pytest.mark.parametrize("damage", ["no page", "no gzip"])
def test_a_hosted_page_that_cannot_be_read_is_told_and_nothing_is_removed_meanwhile(
    tmp_path: Path, files: FolderFiles, catalogue: SqlCatalogue, damage: str
) -> None:
    host(catalogue, WHEEL)
    stored(files, WHEEL)
    perhaps_its_own = stored(files, b"unknown")
    if damage == "no page":
        result_of(catalogue.store_hosted(ACME, b"{}", [], 1.0))
    else:
        with sqlite3.connect(tmp_path / "catalogue.sqlite") as database:
            database.execute("UPDATE hosted SET coding = 'gzip', data = x'1f8b'")
        database.close()
    report = checked(files, catalogue, repair=True)
    assert troubles(report) == [(None, Trouble.UNREADABLE_PAGE), (perhaps_its_own, Trouble.UNKNOWN)]
    assert not report.is_sound
    assert str(report.findings[0]) == (
        "The page of acme-rocket, which is hosted here, cannot be read: publish its files again"
    )
    assert files.size(perhaps_its_own) == 7
    host(catalogue, WHEEL)
    assert troubles(checked(files, catalogue, repair=True)) == [(perhaps_its_own, Trouble.REMOVED)]


def test_a_listing_without_a_digest_says_nothing_of_the_store(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    page = Page(project=ACME, files=(replace(listing_of(WHEEL), hashes={}),))
    result_of(catalogue.store_hosted(ACME, dump_page(page), [], 1.0))
    assert checked(files, catalogue).findings == ()
