"""One node for one store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.storage.samples import open_descriptors
from tiercache.errors import StoreInUse, StoreUnusable
from tiercache.storage.lock import StoreLock, alone_in

HOLDER = (
    "import sys; from pathlib import Path\n"
    "from tiercache.storage.lock import StoreLock\n"
    "StoreLock(Path(sys.argv[1])).acquire()\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def test_a_second_node_is_refused_and_told_which_one_is_there(tmp_path: Path) -> None:
    with StoreLock(tmp_path / "store"), pytest.raises(StoreInUse) as refused:
        StoreLock(tmp_path / "store").acquire()
    assert refused.value.path == str(tmp_path / "store")
    assert refused.value.pid == os.getpid()
    assert f"process {os.getpid()}" in str(refused.value)


def test_a_lock_that_was_released_can_be_taken_again(tmp_path: Path) -> None:
    first, second = StoreLock(tmp_path), StoreLock(tmp_path)
    before = open_descriptors()
    for lock in (first, second, first):
        lock.acquire()
        lock.acquire()
        lock.release()
        lock.release()
    assert open_descriptors() == before


def test_a_refused_lock_leaves_the_holders_number_and_no_descriptor(tmp_path: Path) -> None:
    with StoreLock(tmp_path):
        before = open_descriptors()
        for _ in range(2):
            with pytest.raises(StoreInUse):
                StoreLock(tmp_path).acquire()
        assert open_descriptors() == before
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_of_another_process_ends_with_it_however_that_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreInUse) as refused:
            StoreLock(tmp_path).acquire()
        assert refused.value.pid == holder.pid
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate(timeout=30)
    with StoreLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_child_that_outlives_its_node_does_not_keep_the_lock(tmp_path: Path) -> None:
    lock = StoreLock(tmp_path)
    lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    try:
        lock.release()
        with StoreLock(tmp_path):
            pass
    finally:
        child.communicate(b"\n", timeout=30)


def test_what_stands_in_the_lock_of_no_one_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345 and more than the number of a process")
    with StoreLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_holder_whose_number_cannot_be_read_is_told_all_the_same(tmp_path: Path) -> None:
    with StoreLock(tmp_path):
        (tmp_path / "lock").write_text("")
        with pytest.raises(StoreInUse) as refused:
            StoreLock(tmp_path).acquire()
    assert refused.value.pid is None


def test_a_store_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="folder"):
        StoreLock(tmp_path / "file").acquire()
    (tmp_path / "store" / "lock").mkdir(parents=True)
    with pytest.raises(StoreUnusable):
        StoreLock(tmp_path / "store").acquire()


def test_who_opens_a_store_waits_for_the_one_who_is_opening_it(tmp_path: Path) -> None:
    order: list[str] = []
    began = threading.Event()

    def second() -> None:
        began.set()
        with alone_in(tmp_path):
            order.append("second")

    with alone_in(tmp_path), StoreLock(tmp_path):  # which is another lock
        waiting = threading.Thread(target=second)
        waiting.start()
        assert began.wait(timeout=10)
        waiting.join(timeout=0.05)
        order.append("first")
    waiting.join(timeout=10)
    assert order == ["first", "second"]


def test_a_folder_that_is_not_there_cannot_be_opened_alone(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="nowhere"), alone_in(tmp_path / "nowhere"):
        pass
