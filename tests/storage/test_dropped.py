"""Dropped files in SQLite and in memory: the contract, restarts, full stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tests.storage.contract_dropped import DroppedContract, dropped
from tiercache.errors import StoreFull
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES


class TestDroppedInSqlite(DroppedContract):
    """The contract, for a catalogue in SQLite."""


class TestDroppedInMemory(DroppedContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()


def test_dropped_files_outlive_a_restart(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    result_of(first.dropped.store(dropped()))
    result_of(first.close())
    second = SqlCatalogue.open(path, writer=at_once)
    assert list(second.dropped.all()) == [dropped()]
    result_of(second.close())


def test_memory_that_is_full_takes_no_more_of_them() -> None:
    catalogue = MemoryCatalogue(room_bytes=ROW_BYTES)
    result_of(catalogue.dropped.store(dropped("/a")))
    with pytest.raises(StoreFull):
        result_of(catalogue.dropped.store(dropped("/b")))
    assert [file.path for file in catalogue.dropped.all()] == ["/a"]
