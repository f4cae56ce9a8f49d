"""Files from memory: no more of them at once than there is room for, and none that is not whole."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tiercache.web.hot.in_memory import LAST_BYTES, READ_UP_TO_BYTES, Mapped, Memory, Read

SMALL, LARGE = READ_UP_TO_BYTES, READ_UP_TO_BYTES + 1


def made(folder: Path, size_bytes: int) -> Path:
    path = folder / "file"
    path.write_bytes(os.urandom(size_bytes))
    return path


@pytest.mark.parametrize(("size_bytes", "kind"), [(SMALL, Read), (LARGE, Mapped)])
def test_no_more_is_there_at_once_than_there_is_room_for(tmp_path: Path, size_bytes: int, kind: type) -> None:
    room_bytes = size_bytes * 5 // 2
    memory = Memory(most_read_bytes=room_bytes, most_mapped_bytes=room_bytes)
    with made(tmp_path, size_bytes).open("rb") as handle:
        first, second = memory.open(handle, size_bytes), memory.open(handle, size_bytes)
        assert isinstance(first, kind)
        assert second is not None
        assert memory.open(handle, size_bytes) is None
        first.close()
        third = memory.open(handle, size_bytes)
        assert third is not None
        for one in (second, third):
            one.close()
    assert (memory.read_bytes, memory.mapped_bytes) == (0, 0)


@pytest.mark.parametrize("size_bytes", [SMALL, LARGE])
def test_file_that_has_lost_bytes_is_not_taken_and_takes_no_room(tmp_path: Path, size_bytes: int) -> None:
    path = made(tmp_path, size_bytes)
    os.truncate(path, size_bytes - 1)
    memory = Memory()
    with path.open("rb") as handle:
        assert memory.open(handle, size_bytes) is None
    assert (memory.read_bytes, memory.mapped_bytes) == (0, 0)


def test_file_that_was_read_is_there_to_its_end_whatever_becomes_of_it(tmp_path: Path) -> None:
    path = made(tmp_path, SMALL)
    whole = path.read_bytes()
    with path.open("rb") as handle:
        read = Memory().open(handle, SMALL)
        assert read is not None
        os.truncate(path, 0)
        assert bytes(read.stretch(0, SMALL)) == whole
        assert bytes(read.stretch(5, 9)) == whole[5:9]


def test_of_a_mapped_file_the_last_is_left_to_who_knows_where_it_ends(tmp_path: Path) -> None:
    path = made(tmp_path, LARGE)
    with path.open("rb") as handle:
        mapped = Memory().open(handle, LARGE)
        assert mapped is not None
        assert bytes(mapped.stretch(7, LARGE)) == path.read_bytes()[7:-LAST_BYTES]
        assert len(mapped.stretch(0, LAST_BYTES + 1)) == 1
        assert not mapped.stretch(9, LAST_BYTES)
        mapped.close()


def test_what_a_mapped_file_has_lost_cannot_be_sent_and_ends_nobody(tmp_path: Path) -> None:
    path = made(tmp_path, LARGE)
    with path.open("rb") as handle:
        mapped = Memory().open(handle, LARGE)
        assert mapped is not None
        os.truncate(path, 65536)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert ours.send(mapped.stretch(0, LARGE)[:9]) == 9
            with pytest.raises(OSError, match="Bad address"):
                ours.send(mapped.stretch(65536, LARGE))
        mapped.close()
