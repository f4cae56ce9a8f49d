"""Pools on the real reactor."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults

from tests.doubles.now import begun, result_of
from tests.storage.samples import ACME, entry
from tiercache.errors import FileAbsent
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.threads import ReactorThreads, on_the_spot


@pytest.fixture
def reactor() -> Any:
    from twisted.internet import reactor  # installed by pytest-twisted by now

    return reactor


def refuse() -> None:
    raise FileAbsent(filename="a")


@pytest_twisted.ensureDeferred
async def test_work_is_done_on_other_threads_and_answered_on_the_reactors(reactor: Any) -> None:
    pool = ReactorThreads.several(reactor, name="files", most=3)
    pool.start()
    try:
        meeting = threading.Barrier(3)  # three have to be there at once
        await gatherResults([begun(pool(meeting.wait, 10)) for _ in range(3)])
        assert await pool(threading.get_ident) != threading.get_ident()
        answered_on: list[int] = []
        await begun(pool(int)).addCallback(lambda _zero: answered_on.append(threading.get_ident()))
        assert answered_on == [threading.get_ident()]
        with pytest.raises(FileAbsent):
            await pool(refuse)
    finally:
        pool.stop()


@pytest_twisted.ensureDeferred
async def test_a_single_thread_keeps_the_order(reactor: Any) -> None:
    pool = ReactorThreads.single(reactor, name="catalogue")
    done: list[int] = []
    early = begun(pool(done.append, -1))
    pool.start()
    try:
        await gatherResults([early, *(begun(pool(done.append, number)) for number in range(100))])
        assert done == list(range(-1, 100))
        assert len({await pool(threading.get_ident) for _ in range(5)}) == 1
    finally:
        pool.stop()


@pytest_twisted.ensureDeferred
async def test_stopped_threads_say_so(reactor: Any) -> None:
    pool = ReactorThreads.single(reactor, name="catalogue")
    pool.start()
    pool.stop()
    pool.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        await pool(int)


@pytest_twisted.ensureDeferred
async def test_a_catalogue_writes_on_its_thread_while_the_reactor_reads(reactor: Any, tmp_path: Path) -> None:
    writer = ReactorThreads.single(reactor, name="catalogue")
    writer.start()
    try:
        catalogue = SqlCatalogue.open(tmp_path / "catalogue.sqlite", writer=writer)
        seen: list[int | None] = []

        def look(_none: None) -> None:
            found = catalogue.entry(ACME)
            assert found is not None
            seen.append(found.head.serial)

        writes = [catalogue.store_entry(entry(serial=number)).addCallback(look) for number in range(200)]
        while len(seen) < 100:
            catalogue.entry(ACME)
            await writer(int)
        await gatherResults(writes)
        assert seen == sorted(seen, key=lambda serial: serial or 0)
        assert seen[-1] == 199
        await catalogue.close()
    finally:
        writer.stop()


def test_work_on_the_spot_is_done_here() -> None:
    assert result_of(on_the_spot(threading.get_ident)) == threading.get_ident()
    with pytest.raises(FileAbsent):
        result_of(on_the_spot(refuse))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a thread is as nice as its process")
@pytest_twisted.ensureDeferred
async def test_threads_are_as_much_nicer_as_they_are_told_and_once(reactor: Any) -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    usual = niceness()
    for nicer in (0, 2):
        pool = ReactorThreads.several(reactor, name="files", most=1, nicer=nicer)
        pool.start()
        try:
            assert [await pool(niceness) for _ in range(3)] == [usual + nicer] * 3
        finally:
            pool.stop()
    assert niceness() == usual
