"""Records in a folder and in memory: the contract, full disks, what is left half written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.storage.contract_records import WHEEL, RecordsContract
from tests.storage.samples import ACME
from tiercache.errors import StoreFull, StoreUnusable
from tiercache.interfaces import IRecords
from tiercache.storage.folder import FolderFiles
from tiercache.storage.memory_files import MemoryFiles


class TestRecordsInAFolder(RecordsContract):
    """The contract, for records in a folder."""

    @pytest.fixture
    def records(self, tmp_path: Path) -> IRecords:
        return FolderFiles.at(tmp_path).records


class TestRecordsInMemory(RecordsContract):
    """The contract, for records in memory."""

    @pytest.fixture
    def records(self) -> IRecords:
        return MemoryFiles().records


def test_records_stand_where_a_person_looks_for_them_and_outlive_a_restart(tmp_path: Path) -> None:
    records = FolderFiles.at(tmp_path).records
    records.write(ACME, "", b"project")
    records.write(ACME, WHEEL, b"file")
    assert (tmp_path / "hosted" / f"{ACME}.json").read_bytes() == b"project"
    assert (tmp_path / "hosted" / ACME / f"{WHEEL}.json").read_bytes() == b"file"
    assert FolderFiles.at(tmp_path).records.read(ACME, WHEEL) == b"file"
    assert list((tmp_path / "partial").iterdir()) == []


def test_what_a_write_left_unfinished_is_no_record_and_goes_with_the_next_start(tmp_path: Path) -> None:
    files = FolderFiles.at(tmp_path)
    files.records.write(ACME, WHEEL, b"whole")
    (tmp_path / "partial" / "0123").write_bytes(b"ha")
    assert list(files.records.filenames(ACME)) == [WHEEL]
    assert files.clean_up() == 1
    assert files.records.read(ACME, WHEEL) == b"whole"


def test_a_folder_that_cannot_be_written_to_says_so_and_keeps_the_record_that_was_there(tmp_path: Path) -> None:
    records = FolderFiles.at(tmp_path).records
    records.write(ACME, WHEEL, b"old")
    (tmp_path / "hosted" / "zoo").write_bytes(b"in the way")
    with pytest.raises(StoreUnusable, match="not a folder"):
        records.write(type(ACME)("zoo"), "zoo-1.0.zip", b"new")
    assert records.read(ACME, WHEEL) == b"old"
    assert list((tmp_path / "partial").iterdir()) == []
    assert stat.S_ISDIR((tmp_path / "partial").stat().st_mode)


def test_records_in_memory_take_room_and_give_it_back() -> None:
    files = MemoryFiles(room_bytes=10)
    files.records.write(ACME, WHEEL, b"0123456789")
    with pytest.raises(StoreFull):
        files.records.write(ACME, "", b"!")
    files.records.write(ACME, WHEEL, b"01234")
    files.records.write(ACME, "", b"01234")
    files.records.remove(ACME, "")
    files.records.write(ACME, WHEEL, b"9876543210")
    assert files.records.read(ACME, WHEEL) == b"9876543210"
