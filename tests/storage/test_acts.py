"""Acts and deleted files in SQLite and in memory: the contract, restarts, full disks, damage."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tests.storage.contract_acts import WHEEL, ActsContract, act, deleted_file
from tests.storage.samples import ACME
from tiercache.errors import StoreFull
from tiercache.interfaces import NewChange
from tiercache.policy.news import PAGE
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES


class TestActsInSqlite(ActsContract):
    """The contract, for a catalogue in SQLite."""


class TestActsInMemory(ActsContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()


def test_acts_and_deleted_files_outlive_a_restart(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    result_of(first.store_hosted(ACME, b"page", [], 1.0, [act(by="alice")], [deleted_file()]))
    acts = list(first.acts(None, None, 10))
    result_of(first.close())
    second = SqlCatalogue.open(path, writer=at_once)
    assert list(second.acts(None, None, 10)) == acts
    assert second.deleted(ACME, WHEEL) == deleted_file()
    result_of(second.append_acts([act()], 2.0))
    assert [found.number for found in second.acts(None, 1, 10)] == [2]
    result_of(second.close())


def test_the_name_of_a_deleted_file_stays_taken_when_the_disk_has_lost_the_rest(
    path: Path, catalogue: SqlCatalogue
) -> None:
    result_of(catalogue.store_hosted(ACME, b"page", [], 1.0, (), [deleted_file()]))
    with sqlite3.connect(path) as database:
        database.execute("UPDATE deleted SET listing = x'00ff'")
    database.close()
    found = catalogue.deleted(ACME, WHEEL)
    assert found is not None
    assert (found.listing.filename, found.sha256, found.is_kept) == (WHEEL, deleted_file().sha256, True)


def test_a_catalogue_in_memory_that_is_full_takes_no_part_of_a_change() -> None:
    catalogue = MemoryCatalogue(room_bytes=3 * ROW_BYTES)
    news = [NewChange(project=ACME, what=PAGE)]
    with pytest.raises(StoreFull):
        result_of(catalogue.store_hosted(ACME, b"", news, 1.0, [act()], [deleted_file()]))
    assert (catalogue.hosted(ACME), catalogue.deleted(ACME, WHEEL), catalogue.position().serial) == (None, None, 0)
    assert list(catalogue.acts(None, None, 10)) == []
    result_of(catalogue.store_hosted(ACME, b"", news, 1.0, [act()]))
    assert len(catalogue.acts(None, None, 10)) == 1
