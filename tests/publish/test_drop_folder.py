"""Files of a folder brought in as they were when they were looked at, whatever lies there meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tiercache.errors import UploadTooLarge
from tiercache.policy.dropped import Stamp
from tiercache.publish.arrival import Arrival
from tiercache.publish.drop_folder import Moving, OutOfFolder, bring_in, look
from tiercache.storage.folder import FolderFiles
from tiercache.storage.memory_files import MemoryFiles

CONTENT = b"archive" * 300_000
LIMIT = 10_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / "a.whl").write_bytes(CONTENT)
    return folder


def stamp_of(path: Path) -> Stamp:
    return look(str(path.parent), (), None).files[str(path)]


def test_look_shows_each_file_with_its_stamp_and_the_folders_that_were_read(folder: Path) -> None:
    (folder / "sub").mkdir()
    found = look(str(folder), (), None)
    real = (folder / "a.whl").stat()
    assert found.files == {
        str(folder / "a.whl"): Stamp(size_bytes=len(CONTENT), mtime_ns=real.st_mtime_ns, inode=real.st_ino)
    }
    assert sorted(found.folders) == [str(folder), str(folder / "sub")]
    assert (found.unread, found.odd, found.is_remote) == ((), {}, False)
    assert found.identity == f"{folder.stat().st_dev}:{folder.stat().st_ino}"


@pytest.mark.parametrize("name", ["nowhere", "a.whl"])
def test_what_is_no_folder_is_not_there(folder: Path, name: str) -> None:
    assert look(str(folder / name), (), None).identity == ""


def test_file_is_copied_as_it_is(folder: Path) -> None:
    files = MemoryFiles()
    path = folder / "a.whl"
    arrival = bring_in(str(path), str(folder), stamp_of(path), files, LIMIT)
    assert arrival.read(0, LIMIT) == CONTENT
    arrival.commit()
    path.write_bytes(b"other")
    with files.open(arrival.sha256) as stored:
        assert stored.read() == CONTENT
    arrival.discard()


def test_file_is_copied_into_a_store_on_disk_and_hashed_as_it_lies_there(folder: Path, tmp_path: Path) -> None:
    files = FolderFiles.at(tmp_path / "store")
    path = folder / "a.whl"
    copied = bring_in(str(path), str(folder), stamp_of(path), files, LIMIT)
    written = Arrival.begin(files, LIMIT)
    written.write(CONTENT)
    assert copied.hashes == written.hashes
    assert copied.size_bytes == len(CONTENT)
    copied.commit()
    for arrival in (copied, written):
        arrival.discard()
    assert list(files.all()) == [(copied.sha256, len(CONTENT))]
    assert list((tmp_path / "store" / "partial").iterdir()) == []


def test_file_with_another_stamp_is_moving(folder: Path) -> None:
    path = folder / "a.whl"
    stamp = stamp_of(path)
    path.write_bytes(CONTENT + b"more")
    with pytest.raises(Moving):
        bring_in(str(path), str(folder), stamp, MemoryFiles(), LIMIT)


def test_pipe_in_the_place_of_a_file_is_not_waited_for(folder: Path) -> None:
    path = folder / "a.whl"
    stamp = stamp_of(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(OutOfFolder):
        bring_in(str(path), str(folder), stamp, MemoryFiles(), LIMIT)


def test_folder_that_became_a_link_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    inner = folder / "sub"
    inner.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.whl").write_bytes(b"secret")
    (inner / "b.whl").hardlink_to(outside / "b.whl")
    stamp = stamp_of(inner / "b.whl")
    (inner / "b.whl").unlink()
    inner.rmdir()
    inner.symlink_to(outside)
    with pytest.raises(OutOfFolder):
        bring_in(str(inner / "b.whl"), str(folder), stamp, MemoryFiles(), LIMIT)


@pytest.mark.parametrize(("limit_bytes", "fits"), [(len(CONTENT), True), (len(CONTENT) - 1, False)])
def test_file_that_is_too_large_is_not_copied_to_its_end(folder: Path, limit_bytes: int, fits: bool) -> None:
    files = MemoryFiles(room_bytes=len(CONTENT))
    path = folder / "a.whl"
    if fits:
        bring_in(str(path), str(folder), stamp_of(path), files, limit_bytes).discard()
    else:
        with pytest.raises(UploadTooLarge):
            bring_in(str(path), str(folder), stamp_of(path), files, limit_bytes)
    partial = files.begin()
    partial.write(bytes(len(CONTENT)))  # all the room is free again
    partial.discard()
