"""Files as the kernel has them in memory: no more of them at once than there is room for."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tiercache.web.hot.mapped import Maps


def test_no_more_is_mapped_at_once_than_there_is_room_for(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1000)
    maps = Maps(most_bytes=6000)
    with path.open("rb") as handle:
        first, second = maps.open(handle, 3000), maps.open(handle, 3000)
        assert first is not None
        assert second is not None
        assert bytes(first.view) == path.read_bytes()
        assert maps.open(handle, 1) is None
        maps.close(first)
        third = maps.open(handle, 3000)
        assert third is not None
        for one in (second, third):
            maps.close(one)


def test_file_that_has_lost_bytes_is_not_mapped_and_takes_no_room(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    maps = Maps(most_bytes=4)
    with path.open("rb") as handle:
        assert maps.open(handle, 4) is None
        whole = maps.open(handle, 3)
        assert whole is not None
        maps.close(whole)


def test_what_the_file_has_lost_cannot_be_sent_and_ends_nobody(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a" * 3 * 65536)
    maps = Maps()
    with path.open("rb") as handle:
        mapped = maps.open(handle, 3 * 65536)
        assert mapped is not None
        os.truncate(path, 65536)
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert ours.send(mapped.view[:9]) == 9
            with pytest.raises(OSError, match="Bad address"):
                ours.send(mapped.view[65536:])
        maps.close(mapped)
