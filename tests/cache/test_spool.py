"""A spool: every byte is to be had while there is room, and a window that moves with its readers when there is none."""

from __future__ import annotations

import pytest
from attrs import define, field

from tests.doubles.held_pool import HeldPool
from tests.doubles.now import at_once, begun, result_of
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
    return Spool(files=files, pool=at_once, make_room=landlord or Landlord(), held_bytes=0)


def test_with_room_everything_stays_readable_and_can_be_committed() -> None:
    spool = spool_with(None)
    for at in range(0, 256, 64):
        result_of(spool.append([CONTENT[at : at + 64]], 256 - at))
    spool.needed_from(200)
    assert spool.can_serve(0)
    assert result_of(spool.read(10, 100)) == CONTENT[10:110]
    assert result_of(spool.read(250, 100)) == CONTENT[250:]
    assert not spool.is_congested
    assert result_of(spool.commit("a" * 64))


def test_what_was_written_before_the_room_ended_is_read_from_disk_and_the_rest_from_the_window() -> None:
    spool = spool_with(100)
    result_of(spool.append([CONTENT[:100]], 256))
    result_of(spool.append([CONTENT[100:]], 156))
    assert (spool.size_bytes, spool.keeps_all) == (256, False)
    assert spool.can_serve(0)
    assert result_of(spool.read(90, 100)) == CONTENT[90:100]
    assert result_of(spool.read(100, 10)) == CONTENT[100:110]
    assert result_of(spool.read(250, 100)) == CONTENT[250:]
    assert not result_of(spool.commit("a" * 64))


def test_a_window_that_has_moved_on_serves_who_comes_to_it_and_nobody_from_the_beginning() -> None:
    spool = spool_with(100)
    result_of(spool.append([CONTENT[:100]], 256))
    result_of(spool.append([CONTENT[100:]], 156))
    spool.needed_from(150)
    spool.needed_from(120)  # it does not move back
    assert [spool.can_serve(start) for start in (0, 99, 149, 150, 256)] == [False, False, False, True, True]
    assert result_of(spool.read(149, 10)) == b""
    assert result_of(spool.read(150, 10)) == CONTENT[150:160]


@pytest.mark.parametrize(("size_bytes", "is_congested"), [(WINDOW_BYTES - 1, False), (WINDOW_BYTES, True)])
def test_the_writer_waits_when_the_window_is_full(size_bytes: int, is_congested: bool) -> None:
    spool = spool_with(0)
    result_of(spool.append([bytes(size_bytes)], size_bytes))
    assert spool.is_congested is is_congested
    spool.needed_from(1)
    assert not spool.is_congested


def test_room_is_asked_for_once_and_for_all_that_is_yet_to_come() -> None:
    landlord = Landlord(makes_room=True)
    spool = spool_with(100, landlord)
    for data, missing_bytes in ((CONTENT[:64], 256), (CONTENT[64:128], 192), (CONTENT[128:], 128)):
        result_of(spool.append([data], missing_bytes))
    assert landlord.asked_bytes == [192]
    assert not spool.keeps_all
    landlord = Landlord()
    result_of(spool_with(0, landlord).append([CONTENT], 0))
    assert landlord.asked_bytes == [256]


def test_what_it_holds_is_freed_once_and_harmlessly_twice() -> None:
    files = MemoryFiles(room_bytes=1000)
    spool = Spool(files=files, pool=at_once, make_room=Landlord(), held_bytes=0)
    result_of(spool.append([CONTENT], 256))
    for _ in range(2):
        result_of(spool.discard())
    assert files._room.taken_bytes == 0
    assert result_of(spool.read(0, 10)) == b""


@pytest.mark.parametrize(
    ("room_bytes", "makes_room"),
    [(None, False), (0, False), (100, False), (64, False), (100, True)],
    ids=["all is written", "nothing is", "the room ends within a piece", "between two", "room is asked for in vain"],
)
def test_every_piece_is_inspected_once_and_in_order_wherever_it_comes_to_be(
    room_bytes: int | None, makes_room: bool
) -> None:
    spool, seen = spool_with(room_bytes, Landlord(makes_room=makes_room)), list[bytes]()
    for at in (0, 128):
        pieces = [CONTENT[at : at + 64], CONTENT[at + 64 : at + 128]]
        result_of(spool.append(pieces, 256 - at, seen.append))
    assert seen == [CONTENT[at : at + 64] for at in range(0, 256, 64)]
    assert spool.size_bytes == 256
    assert b"".join(result_of(spool.read(at, 64)) for at in range(0, 256, 64)) == CONTENT


def test_a_piece_that_had_no_room_is_written_once_there_is_some_and_inspected_once() -> None:
    files = MemoryFiles(room_bytes=100)
    other = files.begin()
    other.write(bytes(64))

    async def make_room(size_bytes: int) -> bool:
        other.discard()
        files._room.limit_bytes = 1000
        return True

    spool, seen = Spool(files=files, pool=at_once, make_room=make_room, held_bytes=0), list[bytes]()
    result_of(spool.append([CONTENT[:32], CONTENT[32:128], CONTENT[128:]], 256, seen.append))
    assert seen == [CONTENT[:32], CONTENT[32:128], CONTENT[128:]]
    assert spool.keeps_all
    assert result_of(spool.read(0, 256)) == CONTENT


def test_what_is_held_is_inspected_when_it_comes() -> None:
    spool, seen = Spool(files=MemoryFiles(), pool=HeldPool(), make_room=Landlord(), held_bytes=256), list[bytes]()
    result_of(spool.append([CONTENT[:64], CONTENT[64:]], 256, seen.append))
    assert seen == [CONTENT[:64], CONTENT[64:]]


def test_pieces_that_came_together_are_written_and_inspected_in_one_trip() -> None:
    pool, seen = HeldPool(), list[bytes]()
    spool = Spool(files=MemoryFiles(), pool=pool, make_room=Landlord(), held_bytes=0)
    appended = begun(spool.append([CONTENT[:64]], 256, seen.append))
    for _ in range(2):  # the first makes the file
        pool.go_on()
    assert appended.called
    appended = begun(spool.append([CONTENT[64:128], CONTENT[128:192], CONTENT[192:]], 192, seen.append))
    assert pool.held == 1
    pool.go_on()
    assert appended.called
    assert b"".join(seen) == CONTENT
