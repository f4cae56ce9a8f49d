"""A store after kill -9, and a store without room: real processes, real disks."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doubles.now import result_of
from tests.storage.samples import digest_of, entry, record, stored
from tiercache.errors import StoreFull, StoreInUse
from tiercache.interfaces import IPartial
from tiercache.simple.model import FileIdentity
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.fsck import Trouble, check
from tiercache.storage.lock import StoreLock
from tiercache.storage.threads import on_the_spot

TREE = Path(__file__).parents[2]


def filling_node(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.storage.filling_node", str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=TREE)


@pytest.mark.slow
def test_a_node_killed_in_the_middle_of_its_writes_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    acknowledged: set[str] = set()
    for killed_after in (1, 23, 57, 114, 131):  # with few files, many, large and small; each time on the same store
        node = filling_node(tmp_path)
        assert node.stdout is not None
        try:
            for _ in range(killed_after):
                acknowledged.add(node.stdout.readline().strip())
            with pytest.raises(StoreInUse):
                StoreLock(tmp_path).acquire()
        finally:
            node.send_signal(signal.SIGKILL)
            acknowledged.update(line.strip() for line in node.stdout if line.endswith("\n"))
            node.communicate(timeout=30)

        with StoreLock(tmp_path):
            files = FolderFiles.at(tmp_path)
            files.clean_up()
            assert list((tmp_path / "partial").iterdir()) == []
            catalogue = SqlCatalogue.open(tmp_path / "catalogue.sqlite", writer=on_the_spot)
            report = check(files, catalogue, report=lambda _finding: None)
            # At most the file whose record was not yet written: harmless.  Nothing corrupt, nothing missing.
            assert {finding.trouble for finding in report.findings} <= {Trouble.UNKNOWN}
            assert len(report.findings) <= 5
            for sha256 in acknowledged:
                assert catalogue.file(FileIdentity("sha256", sha256)) is not None
                assert files.size(sha256) is not None
            assert catalogue.stored_bytes() == sum(found.size_bytes for found in catalogue.all_files())
            result_of(catalogue.close())
        with sqlite3.connect(tmp_path / "catalogue.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.close()
    assert len(acknowledged) >= 100


LIMITED = """
import resource, sys
from pathlib import Path
from tests.doubles.now import result_of
from tests.storage.samples import digest_of, entry
from tiercache.errors import StoreFull
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.threads import on_the_spot

root = Path(sys.argv[1])
files = FolderFiles.at(root)
catalogue = SqlCatalogue.open(root / "catalogue.sqlite", writer=on_the_spot)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_001, 1_000_001))

def refused(write):
    try:
        write()
    except StoreFull:
        return
    raise SystemExit("this should not have had room")

partial = files.begin()
(on_disk,) = (root / "partial").iterdir()
partial.write(b"a" * 600_000)
refused(lambda: partial.write(b"b" * 400_002))  # short by a byte first, and an error then
refused(lambda: partial.write(b"b" * 200_000, b"b" * 200_001, b"b"))
assert on_disk.stat().st_size == 600_000
assert partial.read(599_990, 100) == b"a" * 10
partial.write(b"c" * 400_001)  # to the last byte
refused(lambda: partial.write(b"d"))
whole = b"a" * 600_000 + b"c" * 400_001
assert partial.read(0, 2_000_000) == whole
partial.commit(digest_of(whole))
partial.discard()

noise = b"".join(bytes.fromhex(digest_of(b"%d" % number)) for number in range(40_000))
result_of(catalogue.store_entry(entry(body=b"kept")))
refused(lambda: result_of(catalogue.store_entry(entry(body=noise))))
assert catalogue.entry(entry().project) == entry(body=b"kept")
result_of(catalogue.store_entry(entry(body=b"and on")))
result_of(catalogue.close())
"""


def test_a_limit_on_the_size_of_files_is_a_full_store_and_leaves_what_was_written(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", LIMITED, tmp_path], check=True, timeout=60, cwd=TREE)
    ((sha256, size_bytes),) = FolderFiles.at(tmp_path).all()
    assert size_bytes == 1_000_001
    assert sha256 == digest_of((tmp_path / "files" / sha256[:2] / sha256).read_bytes())
    catalogue = SqlCatalogue.open(tmp_path / "catalogue.sqlite", writer=on_the_spot)
    assert catalogue.entry(entry().project) == entry(body=b"and on")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def fill_up(partial: IPartial, data: bytes) -> int:
    """Write until there is no room, and return how many bytes went in."""
    written = 0
    while True:
        try:
            partial.write(data)
        except StoreFull:
            return written
        written += len(data)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_keeps_what_is_there_and_works_again_when_there_is_room(small_disk: Path) -> None:
    files = FolderFiles.at(small_disk / "store")
    kept = stored(files, b"kept" * 1000)
    partial = files.begin()
    written = fill_up(partial, b"0123456789" * 777)
    assert written > 500_000
    assert partial.read(written - 10, 100) == b"0123456789"
    assert partial.read(written, 100) == b""
    (on_disk,) = (small_disk / "store" / "partial").iterdir()
    assert on_disk.stat().st_size == written

    reopened = FolderFiles.at(small_disk / "store")  # a node starts on a full disk, and serves from it
    with reopened.open(kept) as kept_file:
        assert kept_file.read() == b"kept" * 1000

    files.remove(kept)
    partial.write(b"and on")
    assert partial.read(written, 100) == b"and on"
    partial.discard()
    assert stored(files, b"kept" * 1000) == kept


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_catalogue_on_a_full_disk_refuses_writes_and_goes_on(small_disk: Path) -> None:
    catalogue = SqlCatalogue.open(small_disk / "catalogue.sqlite", writer=on_the_spot)
    result_of(catalogue.store_entry(entry(body=b"kept")))
    ballast = FolderFiles.at(small_disk).begin()
    fill_up(ballast, b"x" * 4096)
    refused = 0
    for number in range(60):
        try:
            result_of(catalogue.store_file(record(b"%d" % number)))
        except StoreFull:
            refused += 1
    assert refused > 0
    assert catalogue.entry(entry().project) == entry(body=b"kept")
    assert len(list(catalogue.all_files())) == 60 - refused
    assert catalogue.stored_bytes() == sum(found.size_bytes for found in catalogue.all_files())
    ballast.discard()
    result_of(catalogue.store_file(record(b"room again")))
    result_of(catalogue.close())
    with sqlite3.connect(small_disk / "catalogue.sqlite") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    database.close()
