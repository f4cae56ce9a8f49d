"""A spool: every byte is to be had while there is room, and a window that moves with its readers when there is none."""

from __future__ import annotations

import pytest
from attrs import define, field

from tests.doubles.now import at_once, result_of
from tiercache.cache.spool import WINDOW_BYTES, Spool
from tiercache.storage.memory_files import MemoryFiles

CONTENT = bytes(range(256))


@define
class Landlord:
    """Is asked for room, and makes some or not."""

    makes_room: bool = False
    asked_bytes: list[int] = field(factory=list)

    async def __call__(self, size_bytes: int) -> bool:
        self.asked_bytes.append(size_bytes)
        return self.makes_room


def spool_with(room_bytes: int | None, landlord: Landlord | None = None) -> Spool:
    files = MemoryFiles(room_bytes=room_bytes)
    spool = Spool(files=files, pool=at_once, make_room=landlord or Landlord())
    result_of(spool.begin())
    return spool


def test_with_room_everything_stays_readable_and_can_be_committed() -> None:
    spool = spool_with(None)
    for at in range(0, 256, 64):
        result_of(spool.append(CONTENT[at : at + 64], 256 - at))
    spool.needed_from(200)
    assert spool.can_serve(0)
    assert result_of(spool.read(10, 100)) == CONTENT[10:110]
    assert result_of(spool.read(250, 100)) == CONTENT[250:]
    assert not spool.is_congested
    assert result_of(spool.commit("a" * 64))


def test_what_was_written_before_the_room_ended_is_read_from_disk_and_the_rest_from_the_window() -> None:
    spool = spool_with(100)
    result_of(spool.append(CONTENT[:100], 256))
    result_of(spool.append(CONTENT[100:], 156))
    assert (spool.size_bytes, spool.keeps_all) == (256, False)
    assert spool.can_serve(0)
    assert result_of(spool.read(90, 100)) == CONTENT[90:100]
    assert result_of(spool.read(100, 10)) == CONTENT[100:110]
    assert result_of(spool.read(250, 100)) == CONTENT[250:]
    assert not result_of(spool.commit("a" * 64))


def test_a_window_that_has_moved_on_serves_who_comes_to_it_and_nobody_from_the_beginning() -> None:
    spool = spool_with(100)
    result_of(spool.append(CONTENT[:100], 256))
    result_of(spool.append(CONTENT[100:], 156))
    spool.needed_from(150)
    spool.needed_from(120)  # it does not move back
    assert [spool.can_serve(start) for start in (0, 99, 149, 150, 256)] == [False, False, False, True, True]
    assert result_of(spool.read(149, 10)) == b""
    assert result_of(spool.read(150, 10)) == CONTENT[150:160]


@pytest.mark.parametrize(("size_bytes", "is_congested"), [(WINDOW_BYTES - 1, False), (WINDOW_BYTES, True)])
def test_the_writer_waits_when_the_window_is_full(size_bytes: int, is_congested: bool) -> None:
    spool = spool_with(0)
    result_of(spool.append(bytes(size_bytes), size_bytes))
    assert spool.is_congested is is_congested
    spool.needed_from(1)
    assert not spool.is_congested


def test_room_is_asked_for_once_and_for_all_that_is_yet_to_come() -> None:
    landlord = Landlord(makes_room=True)
    spool = spool_with(100, landlord)
    for data, missing_bytes in ((CONTENT[:64], 256), (CONTENT[64:128], 192), (CONTENT[128:], 128)):
        result_of(spool.append(data, missing_bytes))
    assert landlord.asked_bytes == [192]
    assert not spool.keeps_all
    landlord = Landlord()
    result_of(spool_with(0, landlord).append(CONTENT, 0))
    assert landlord.asked_bytes == [256]


def test_what_it_holds_is_freed_once_and_harmlessly_twice() -> None:
    files = MemoryFiles(room_bytes=1000)
    spool = Spool(files=files, pool=at_once, make_room=Landlord())
    result_of(spool.begin())
    result_of(spool.append(CONTENT, 256))
    for _ in range(2):
        result_of(spool.discard())
    assert files._room.taken_bytes == 0
    assert result_of(spool.read(0, 10)) == b""
