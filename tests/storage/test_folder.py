"""Files in a folder: the contract, and what only a disk can do to them."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import pytest

from tests.storage.contract_files import WHEEL, FilesContract
from tests.storage.samples import digest_of, open_descriptors, stored
from tiercache.errors import FileAbsent, StoreUnusable
from tiercache.storage.folder import FolderFiles

UNPRIVILEGED = 65534

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    return FolderFiles.at(tmp_path / "store")


def path_of(root: Path, sha256: str) -> Path:
    return root / "files" / sha256[:2] / sha256


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestFolderFiles(FilesContract):
    """The contract, for files in a folder."""


def test_files_lie_in_folders_by_the_first_two_digits(tmp_path: Path, files: FolderFiles) -> None:
    sha256 = stored(files, WHEEL)
    assert path_of(tmp_path / "store", sha256).read_bytes() == WHEEL
    files.quarantine(sha256)
    assert (tmp_path / "store" / "quarantine" / sha256).read_bytes() == WHEEL
    assert list((tmp_path / "store" / "partial").iterdir()) == []


def test_only_its_owner_enters_a_store_and_files_are_as_the_umask_says(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        files = FolderFiles.at(tmp_path / "deep" / "store")
        sha256 = stored(files, WHEEL)
    finally:
        os.umask(old)
    root = tmp_path / "deep" / "store"
    assert mode_of(root) == 0o700
    assert mode_of(root / "files") == 0o750
    assert mode_of(path_of(root, sha256)) == 0o640


def test_a_folder_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o775)
    FolderFiles.at(tmp_path / "shared")
    assert mode_of(tmp_path / "shared") == 0o775


def test_clean_up_removes_what_interrupted_fills_left_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "store"
    files = FolderFiles.at(root)
    sha256 = stored(files, WHEEL)
    quarantined = stored(files, b"bad")
    files.quarantine(quarantined)
    for name in ("one", "two"):
        (root / "partial" / name).write_bytes(b"half")
    (root / "partial" / "folder").mkdir()

    assert FolderFiles.at(root).clean_up() == 2
    assert [path.name for path in (root / "partial").iterdir()] == ["folder"]
    assert files.size(sha256) == len(WHEEL)
    assert (root / "quarantine" / quarantined).exists()
    assert files.clean_up() == 0


def test_a_second_process_on_the_store_leaves_partials_alone(tmp_path: Path, files: FolderFiles) -> None:
    partial = files.begin()
    partial.write(WHEEL)
    FolderFiles.at(tmp_path / "store")
    partial.commit(digest_of(WHEEL))
    partial.discard()
    assert files.size(digest_of(WHEEL)) == len(WHEEL)


def test_folders_that_were_taken_away_come_back(tmp_path: Path, files: FolderFiles) -> None:
    root = tmp_path / "store"
    (root / "partial").rmdir()
    assert files.clean_up() == 0
    assert list(files.all()) == []
    sha256 = stored(files, WHEEL)
    files.quarantine(sha256)
    assert (root / "quarantine" / sha256).exists()


@pytest.mark.parametrize("left", [0, 1, len(WHEEL) // 2, len(WHEEL) - 1])
def test_a_file_that_lost_bytes_shows_its_length_and_is_replaced_by_the_next_fill(
    tmp_path: Path, files: FolderFiles, left: int
) -> None:
    sha256 = stored(files, WHEEL)
    os.truncate(path_of(tmp_path / "store", sha256), left)
    assert files.size(sha256) == left
    assert list(files.all()) == [(sha256, left)]
    stored(files, WHEEL)
    with files.open(sha256) as stored_file:
        assert stored_file.read() == WHEEL


def test_a_stored_file_of_the_right_length_is_kept_as_it_is(tmp_path: Path, files: FolderFiles) -> None:
    sha256 = stored(files, WHEEL)
    before = path_of(tmp_path / "store", sha256).stat().st_ino
    stored(files, WHEEL)
    assert path_of(tmp_path / "store", sha256).stat().st_ino == before
    assert list((tmp_path / "store" / "partial").iterdir()) == []


def test_a_partial_that_someone_shortened_is_neither_read_nor_committed(tmp_path: Path, files: FolderFiles) -> None:
    partial = files.begin()
    partial.write(WHEEL)
    (on_disk,) = (tmp_path / "store" / "partial").iterdir()
    os.truncate(on_disk, 10)
    with pytest.raises(StoreUnusable, match="shortened"):
        partial.read(10, 10)
    with pytest.raises(StoreUnusable, match="shortened"):
        partial.commit(digest_of(WHEEL))
    partial.discard()
    assert files.size(digest_of(WHEEL)) is None


def test_bytes_beyond_what_was_written_are_cut_off_by_the_commit(tmp_path: Path, files: FolderFiles) -> None:
    partial = files.begin()
    partial.write(WHEEL)
    (on_disk,) = (tmp_path / "store" / "partial").iterdir()
    with on_disk.open("ab") as stranger:
        stranger.write(b"left by a write that failed")
    assert partial.read(len(WHEEL), 10) == b""
    partial.commit(digest_of(WHEEL))
    partial.discard()
    assert files.size(digest_of(WHEEL)) == len(WHEEL)


def test_what_is_no_file_is_not_served(tmp_path: Path, files: FolderFiles) -> None:
    sha256 = digest_of(b"a folder")
    path_of(tmp_path / "store", sha256).mkdir(parents=True)
    (tmp_path / "store" / "files" / "stray").write_bytes(b"")
    (tmp_path / "store" / "files" / sha256[:2] / "stray").write_bytes(b"")
    elsewhere = digest_of(b"in the wrong folder")
    (tmp_path / "store" / "files" / sha256[:2] / elsewhere).write_bytes(b"")
    assert files.size(sha256) is None
    with pytest.raises(FileAbsent):
        files.open(sha256)
    assert list(files.all()) == []


def test_every_descriptor_is_closed(files: FolderFiles) -> None:
    before = open_descriptors()
    for number in range(20):
        stored(files, b"%d" % number)
        stored(files, b"%d" % number)
        files.begin().discard()
        files.open(digest_of(b"%d" % number)).close()
        list(files.all())
        with pytest.raises(StoreUnusable):
            FolderFiles.at(Path("/dev/null/store"))
    assert open_descriptors() == before


def test_a_process_without_descriptors_is_told_so_and_goes_on_later(files: FolderFiles) -> None:
    sha256 = stored(files, WHEEL)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(StoreUnusable, match="Too many open files"):
            files.open(sha256)
        with pytest.raises(StoreUnusable, match="Too many open files"):
            files.begin()
        assert files.size(sha256) == len(WHEEL)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    files.open(sha256).close()


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreUnusable, match="not a folder"):
        FolderFiles.at(tmp_path / "store")


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(StoreUnusable, match="not one"):
        FolderFiles.at(tmp_path / "file" / "store")


def test_a_store_whose_inner_folder_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "partial").write_text("a file")
    with pytest.raises(StoreUnusable, match="not a folder"):
        FolderFiles.at(tmp_path)


def test_a_dangling_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").symlink_to(tmp_path / "nowhere" / "at" / "all")
    with pytest.raises(StoreUnusable):
        FolderFiles.at(tmp_path / "store")


def test_a_read_only_file_system_is_refused() -> None:
    with pytest.raises(StoreUnusable) as refused:
        FolderFiles.at(Path("/proc/tiercache"))
    assert str(refused.value).startswith("The store at /proc/tiercache cannot be used: ")


@needs_root
def test_a_store_of_another_user_is_refused(tmp_path: Path) -> None:
    FolderFiles.at(tmp_path / "store")
    child = os.fork()
    if child == 0:  # no exception may leave this branch
        outcome = 1
        try:
            os.setgid(UNPRIVILEGED)
            os.setuid(UNPRIVILEGED)
            FolderFiles.at(tmp_path / "store")
        except StoreUnusable as refused:
            outcome = 0 if "permission" in str(refused) else 2
        finally:
            os._exit(outcome)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
