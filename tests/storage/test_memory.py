"""The store in memory: the contracts, and its limit."""

from __future__ import annotations

import pytest

from tests.doubles.now import result_of
from tests.storage.contract_catalogue import CatalogueContract
from tests.storage.contract_files import FilesContract
from tests.storage.contract_uses import UsesContract
from tests.storage.samples import ACME, ZOO, attachment, digest_of, entry, head, record, stored
from tiercache.errors import StoreFull
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.storage.memory_rows import ROW_BYTES


class TestMemoryFiles(FilesContract):
    """The contract, for files in memory."""

    @pytest.fixture
    def files(self) -> MemoryFiles:
        return MemoryFiles()


class TestMemoryCatalogue(CatalogueContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()


class TestUsesInMemory(UsesContract):
    """The contract, for a catalogue in memory."""

    @pytest.fixture
    def catalogue(self) -> MemoryCatalogue:
        return MemoryCatalogue()


def test_files_fill_their_room_to_the_last_byte_and_no_further() -> None:
    files = MemoryFiles(room_bytes=10)
    partial = files.begin()
    partial.write(b"0123456789")
    with pytest.raises(StoreFull):
        partial.write(b"a")
    assert partial.read(0, 100) == b"0123456789"
    partial.commit(digest_of(b"0123456789"))
    partial.discard()
    with pytest.raises(StoreFull):
        files.begin().write(b"a")


def test_what_is_removed_or_discarded_makes_room() -> None:
    files = MemoryFiles(room_bytes=10)
    discarded = files.begin()
    discarded.write(b"0123456789")
    discarded.discard()
    for _ in range(3):
        sha256 = stored(files, b"9876543210")
        stored_again = files.size(sha256)
        files.remove(sha256)
        assert stored_again == 10


def test_a_file_brought_in_twice_takes_room_once() -> None:
    files = MemoryFiles(room_bytes=20)
    stored(files, b"0123456789")
    stored(files, b"0123456789")
    stored(files, b"9876543210")
    with pytest.raises(StoreFull):
        files.begin().write(b"a")


def test_quarantine_takes_room() -> None:
    files = MemoryFiles(room_bytes=10)
    files.quarantine(stored(files, b"0123456789"))
    with pytest.raises(StoreFull):
        files.begin().write(b"a")


def test_a_catalogue_fills_its_room_and_a_refused_write_changes_nothing() -> None:
    catalogue = MemoryCatalogue(room_bytes=ROW_BYTES + 10)
    result_of(catalogue.store_entry(entry(body=b"0123456789")))
    for write in (
        catalogue.store_entry(entry(body=b"0123456789a")),
        catalogue.store_entry(entry(ZOO, body=None)),
        catalogue.store_file(record()),
        catalogue.store_attachment(attachment()),
        catalogue.pin(ZOO, True),
        catalogue.store_hosted(ZOO, b"", [], 1.0),
    ):
        with pytest.raises(StoreFull):
            result_of(write)
    found = catalogue.entry(ACME)
    assert found is not None
    assert found.body == b"0123456789"
    assert (list(catalogue.all_files()), catalogue.stored_bytes(), catalogue.pins()) == ([], 0, [])
    result_of(catalogue.freshen_entry(ACME, head(serial=7)))
    result_of(catalogue.forget_entry(ACME))
    result_of(catalogue.store_file(record()))
