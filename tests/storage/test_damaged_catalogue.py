"""Databases that the disk, a person or a power cut has been at, and places that cannot hold one."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tests.storage.samples import ACME, attachment, digest_of, entry, record, sha256_name, stored
from tiercache.errors import StoreUnusable
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.fsck import Trouble, check
from tiercache.storage.memory_files import MemoryFiles


def altered(path: Path, *changes: str) -> None:
    """Change the database behind the catalogue's back."""
    with sqlite3.connect(path) as connection:
        for change in changes:
            connection.execute(change)
    connection.close()


def test_a_file_that_is_no_database_is_refused_with_what_to_do(path: Path) -> None:
    path.write_bytes(b"these are not the bytes of a database" * 200)
    with pytest.raises(StoreUnusable, match=r"damaged.*move this file.*fsck --repair") as refused:
        SqlCatalogue.open(path, writer=at_once)
    assert str(path) in str(refused.value)


def test_a_database_whose_pages_were_overwritten_is_refused_when_it_is_read(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once)
    for number in range(200):
        result_of(catalogue.store_file(record(b"%d" % number)))
    result_of(catalogue.close())
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreUnusable, match="damaged"):
        SqlCatalogue.open(path, writer=at_once)


def test_an_emptied_database_begins_anew(path: Path) -> None:
    catalogue = SqlCatalogue.open(path, writer=at_once)
    result_of(catalogue.store_entry(entry()))
    result_of(catalogue.close())
    path.write_bytes(b"")
    again = SqlCatalogue.open(path, writer=at_once)
    assert again.entry(ACME) is None
    result_of(again.store_entry(entry()))
    result_of(again.close())


def test_another_programs_database_is_left_alone(path: Path) -> None:
    altered(path, "CREATE TABLE accounts (name TEXT)")
    with pytest.raises(StoreUnusable, match="no catalogue"):
        SqlCatalogue.open(path, writer=at_once)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("accounts",)]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE bodies SET data = substr(data, 1, 50)",
        "UPDATE bodies SET data = CAST(x'00' || substr(data, 2) AS BLOB)",
        "UPDATE bodies SET data = CAST(substr(data, 1, 40) || x'ffffffffff' || substr(data, 46) AS BLOB)",
        "UPDATE bodies SET coding = 'zip'",
        "UPDATE entries SET head = x'7b'",
        "UPDATE entries SET head = CAST('{}' AS BLOB)",
        "UPDATE entries SET head = CAST(substr(head, 1, 20) || x'ff' || substr(head, 22) AS BLOB)",
    ],
)
def test_a_damaged_entry_counts_as_none_and_is_replaced_by_the_next(
    path: Path, catalogue: SqlCatalogue, damage: str
) -> None:
    whole = entry(body=b"".join(b"line %d\n" % number for number in range(2000)))
    result_of(catalogue.store_entry(whole))
    altered(path, damage)
    assert catalogue.entry(ACME) is None
    result_of(catalogue.store_entry(whole))
    assert catalogue.entry(ACME) == whole


def test_a_damaged_attachment_and_record_count_as_none(path: Path, catalogue: SqlCatalogue) -> None:
    result_of(catalogue.store_attachment(attachment(b"Requires-Dist: zoo\n" * 1000)))
    result_of(catalogue.store_file(record()))
    result_of(catalogue.store_file(record(b"other")))
    altered(
        path,
        "UPDATE attachments SET data = x'1f8b'",
        f"UPDATE files SET listing = CAST('{{\"filename\": 1}}' AS BLOB) WHERE sha256 = '{digest_of(b'wheel')}'",
    )
    assert catalogue.attachment(attachment().identity, "metadata") is None
    assert catalogue.file(sha256_name(b"wheel")) is None
    assert [found.sha256 for found in catalogue.all_files()] == [digest_of(b"other")]
    result_of(catalogue.store_file(record()))
    assert catalogue.file(sha256_name(b"wheel")) == record()


def test_a_repair_clears_away_a_record_that_cannot_be_read(path: Path, catalogue: SqlCatalogue) -> None:
    files = MemoryFiles()
    sha256 = stored(files, b"wheel")
    result_of(catalogue.store_file(record(b"wheel")))
    altered(path, "UPDATE files SET listing = x'ff'")
    report = check(files, catalogue, report=lambda _finding: None, repair=True)
    assert [(found.sha256, found.trouble) for found in report.findings] == [(sha256, Trouble.REMOVED)]
    assert catalogue.stored_bytes() == 0


# -- places that cannot hold a database ------------------------------------------------------------------------------


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable):
        SqlCatalogue.open(tmp_path, writer=at_once)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable) as refused:
        SqlCatalogue.open(tmp_path / "nowhere" / "catalogue.sqlite", writer=at_once)
    assert "nowhere" in str(refused.value)


def test_a_path_may_hold_characters_that_mean_something_in_urls(tmp_path: Path) -> None:
    (tmp_path / "a%20b?c#d").mkdir()
    path = tmp_path / "a%20b?c#d" / "catalogue.sqlite"
    catalogue = SqlCatalogue.open(path, writer=at_once)
    result_of(catalogue.store_entry(entry()))
    result_of(catalogue.close())
    assert path.stat().st_size > 0
