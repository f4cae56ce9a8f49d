"""What a check finds, and what it does about it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import pytest
from attrs import define, evolve
from zope.interface import implementer

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import result_of
from tests.storage.samples import ACME, digest_of, record, sha256_name, stored
from tiercache.interfaces import ICatalogue, IFiles, IPartial, IRecords
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.fsck import Finding, FsckReport, Trouble, check
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.storage.threads import on_the_spot

WHEEL = b"wheel " * 1000


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    return FolderFiles.at(tmp_path)


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[SqlCatalogue]:
    catalogue = SqlCatalogue.open(tmp_path / "catalogue.sqlite", writer=on_the_spot)
    yield catalogue
    result_of(catalogue.close())


def kept(files: IFiles, catalogue: ICatalogue, data: bytes) -> str:
    result_of(catalogue.store_file(record(data)))
    return stored(files, data)


def checked(files: IFiles, catalogue: ICatalogue, *, repair: bool = False) -> FsckReport:
    heard: list[Finding] = []
    report = check(files, catalogue, report=heard.append, repair=repair)
    assert tuple(heard) == report.findings
    return report


def troubles(report: FsckReport) -> list[tuple[str | None, Trouble]]:
    return [(finding.sha256, finding.trouble) for finding in report.findings]


@pytest.mark.parametrize("repair", [True, False])
def test_a_sound_store_is_left_as_it_is(files: FolderFiles, catalogue: SqlCatalogue, repair: bool) -> None:
    for data in (WHEEL, b"", b"x" * (2 * 1024 * 1024 + 1)):
        kept(files, catalogue, data)
    before = sorted(files.all())
    report = checked(files, catalogue, repair=repair)
    assert report == FsckReport(files=3, size_bytes=len(WHEEL) + 2 * 1024 * 1024 + 1, findings=())
    assert report.is_sound
    assert sorted(files.all()) == before
    assert len(list(catalogue.all_files())) == 3


def test_a_store_in_memory_can_be_checked() -> None:
    files, catalogue = MemoryFiles(), MemoryCatalogue()
    kept(files, catalogue, WHEEL)
    assert checked(files, catalogue).findings == ()


@pytest.mark.parametrize("damage", ["emptied", "halved", "one bit", "one byte more"])
def test_a_corrupt_file_is_quarantined_and_forgotten_so_that_it_is_fetched_anew(
    tmp_path: Path, files: FolderFiles, catalogue: SqlCatalogue, damage: str
) -> None:
    sha256 = kept(files, catalogue, WHEEL)
    sound = kept(files, catalogue, b"sound")
    corrupt = {
        "emptied": b"",
        "halved": WHEEL[: len(WHEEL) // 2],
        "one bit": WHEEL[:50] + bytes([WHEEL[50] ^ 1]) + WHEEL[51:],
        "one byte more": WHEEL + b"!",
    }[damage]
    (tmp_path / "files" / sha256[:2] / sha256).write_bytes(corrupt)

    report = checked(files, catalogue)

    assert troubles(report) == [(sha256, Trouble.CORRUPT)]
    assert not report.is_sound
    assert str(report.findings[0]) == (
        f"{sha256} (acme_rocket-1.0.tar.gz of acme-rocket) is corrupt: quarantined, and forgotten"
    )
    assert files.size(sha256) is None
    assert catalogue.file(sha256_name(WHEEL)) is None
    assert (tmp_path / "quarantine" / sha256).read_bytes() == corrupt
    assert [found.sha256 for found in catalogue.all_files()] == [sound]
    assert files.size(sound) == 5
    kept(files, catalogue, WHEEL)
    assert checked(files, catalogue).findings == ()


def test_a_record_without_its_file_is_forgotten(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    sha256 = kept(files, catalogue, WHEEL)
    files.remove(sha256)
    report = checked(files, catalogue)
    assert troubles(report) == [(sha256, Trouble.MISSING)]
    assert not report.is_sound
    assert catalogue.files_of(ACME) == []
    assert catalogue.stored_bytes() == 0


def test_a_record_of_another_length_is_corrected_by_the_file(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    sha256 = stored(files, WHEEL)
    result_of(catalogue.store_file(evolve(record(WHEEL), size_bytes=7)))
    report = checked(files, catalogue)
    assert troubles(report) == [(sha256, Trouble.WRONG_SIZE)]
    assert catalogue.file(sha256_name(WHEEL)) == record(WHEEL)
    assert catalogue.stored_bytes() == len(WHEEL)


def test_a_file_without_a_record_is_told_and_with_repair_removed(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    sha256 = stored(files, WHEEL)
    report = checked(files, catalogue)
    assert troubles(report) == [(sha256, Trouble.UNKNOWN)]
    assert report.is_sound
    assert files.size(sha256) == len(WHEEL)
    report = checked(files, catalogue, repair=True)
    assert troubles(report) == [(sha256, Trouble.REMOVED)]
    assert report.is_sound
    assert files.size(sha256) is None


def test_a_corrupt_file_without_a_record_is_quarantined(
    tmp_path: Path, files: FolderFiles, catalogue: SqlCatalogue
) -> None:
    sha256 = stored(files, WHEEL)
    os.truncate(tmp_path / "files" / sha256[:2] / sha256, 5)
    assert troubles(checked(files, catalogue)) == [(sha256, Trouble.CORRUPT)]
    assert files.size(sha256) is None


def test_the_partials_of_a_running_node_are_left_alone(files: FolderFiles, catalogue: SqlCatalogue) -> None:
    partial = files.begin()
    partial.write(WHEEL)
    assert checked(files, catalogue, repair=True).findings == ()
    partial.commit(digest_of(WHEEL))
    partial.discard()
    assert files.size(digest_of(WHEEL)) == len(WHEEL)


@implementer(IFiles)
@define(eq=False)
class BusyFiles:
    """Files of a store on which something happens while each is read: `meanwhile` is told which."""

    inner: MemoryFiles

    @property
    def records(self) -> IRecords:
        return self.inner.records

    def meanwhile(self, sha256: str) -> BinaryIO | None:
        """Something else may happen first; a file given is read instead."""
        return None

    def open(self, sha256: str) -> BinaryIO:
        return self.meanwhile(sha256) or self.inner.open(sha256)

    def size(self, sha256: str) -> int | None:
        return self.inner.size(sha256)

    def begin(self) -> IPartial:
        return self.inner.begin()

    def remove(self, sha256: str) -> None:
        self.inner.remove(sha256)

    def quarantine(self, sha256: str) -> None:
        self.inner.quarantine(sha256)

    def all(self) -> Iterator[tuple[str, int]]:
        return self.inner.all()


def test_a_file_recorded_while_the_check_runs_is_not_removed() -> None:
    catalogue = MemoryCatalogue()

    class Recorded(BusyFiles):
        def meanwhile(self, sha256: str) -> None:
            result_of(catalogue.store_file(record(WHEEL)))

    files = Recorded(MemoryFiles())
    sha256 = stored(files, WHEEL)
    assert checked(files, catalogue, repair=True).findings == ()
    assert files.size(sha256) == len(WHEEL)


def test_a_file_evicted_while_the_check_runs_is_nothing_to_tell() -> None:
    catalogue = MemoryCatalogue()

    class Evicted(BusyFiles):
        def meanwhile(self, sha256: str) -> None:
            self.inner.remove(sha256)
            result_of(catalogue.forget_file(sha256))

    files = Evicted(MemoryFiles())
    kept(files, catalogue, WHEEL)
    assert checked(files, catalogue, repair=True).findings == ()


def test_a_file_that_the_disk_does_not_give_is_quarantined() -> None:
    catalogue = MemoryCatalogue()

    class Failing(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    class OnABadDisk(BusyFiles):
        def meanwhile(self, sha256: str) -> BinaryIO:
            return Failing()

    files = OnABadDisk(MemoryFiles())
    sha256 = kept(files, catalogue, WHEEL)
    assert troubles(checked(files, catalogue)) == [(sha256, Trouble.UNREADABLE)]
    assert files.size(sha256) is None
    assert catalogue.file(sha256_name(WHEEL)) is None


def test_a_check_does_not_pretend_that_a_write_was_made(tmp_path: Path, files: FolderFiles) -> None:
    catalogue = SqlCatalogue.open(tmp_path / "other.sqlite", writer=on_the_spot)
    result_of(catalogue.store_file(record(WHEEL)))
    result_of(catalogue.close())
    waiting = SqlCatalogue.open(tmp_path / "other.sqlite", writer=HeldPool())
    with pytest.raises(RuntimeError, match="on the spot"):
        check(files, waiting, report=lambda _finding: None)
