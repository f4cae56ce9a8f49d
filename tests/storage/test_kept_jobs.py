"""Kept prefetches in SQLite and in memory: the contract, restarts, full stores, a damaged row."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.doubles.now import at_once, result_of
from tests.storage.contract_kept_jobs import KeptJobsContract, kept
from tiercache.errors import StoreFull
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_rows import ROW_BYTES


class TestKeptJobsInSqlite(KeptJobsContract):
    """The contract, for a catalogue in SQLite."""


class TestKeptJobsInMemory(KeptJobsContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()


def test_jobs_outlive_a_restart(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    result_of(first.kept_jobs.store(kept("a", 1.0, b"x" * 10_000)))
    result_of(first.close())
    second = SqlCatalogue.open(path, writer=at_once)
    assert list(second.kept_jobs.all()) == [kept("a", 1.0, b"x" * 10_000)]
    result_of(second.close())


def test_a_job_that_the_disk_spoilt_is_not_there_and_the_others_are(path: Path) -> None:
    first = SqlCatalogue.open(path, writer=at_once)
    for id_ in ("a", "b"):
        result_of(first.kept_jobs.store(kept(id_, 1.0, b"x" * 10_000)))
    result_of(first.close())
    with sqlite3.connect(path) as database:
        database.execute("UPDATE kept_jobs SET data = x'00' WHERE id = 'a'")
    database.close()
    second = SqlCatalogue.open(path, writer=at_once)
    assert [job.id for job in second.kept_jobs.all()] == ["b"]
    result_of(second.close())


def test_memory_that_is_full_takes_no_more_of_them() -> None:
    catalogue = MemoryCatalogue(room_bytes=ROW_BYTES + 5)
    result_of(catalogue.kept_jobs.store(kept("a", 1.0, b"12345")))
    with pytest.raises(StoreFull):
        result_of(catalogue.kept_jobs.store(kept("a", 1.0, b"123456")))
    assert [job.data for job in catalogue.kept_jobs.all()] == [b"12345"]
