"""Clients behind the writer of a cold file: what is written down already leaves from there, past Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from tests.doubles.outlet import MemoryOutlet
from tests.doubles.small_node import CONFIG, file_requests, in_pieces, listed, sha256
from tests.doubles.upstream import ScriptedStream
from tests.doubles.wire import Connection
from tests.web.hot.twins import Twins, head
from tiercache.cache.fill_reader import CHUNK_BYTES
from tiercache.cache.spool import HELD_BYTES
from tiercache.errors import TierUnreachable
from tiercache.web.limits import limits_of

NAME = "big-1.0.tar.gz"
CONTENT = os.urandom(HELD_BYTES * 40)
HALF = len(CONTENT) // 2
PATH = f"/files/{sha256(CONTENT)}/{NAME}"


@define(eq=False)
class Cold:
    """A node whose tier gives the first half of a file, and the rest when it is told to."""

    folder: Path
    rest: bytes = CONTENT[HALF:]
    size_bytes: int | None = len(CONTENT)
    more: Deferred[None] = field(factory=Deferred, init=False)
    twins: Twins = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.twins = Twins(folder=self.folder)
        listed(self.twins.public, "big", (NAME, CONTENT), size=self.size_bytes)
        self.twins.public.script = self._script

    def _script(self, content: bytes, start: int) -> ScriptedStream:
        pieces: list[bytes | Exception | Deferred[None]] = [CONTENT[:HALF], self.more, self.rest]
        return in_pieces(*pieces, size_bytes=self.size_bytes)

    def asking(self, fields: dict[str, str] | None = None, *, stalls: bool = False) -> Connection:
        connection = self.twins.connect()
        if stalls:
            connection.stall()
        connection.send(head("GET", PATH, fields))
        return connection

    def outlet(self, connection: Connection) -> MemoryOutlet:
        return next(outlet for outlet in self.twins.outlets.made if outlet.transport is connection.transport)

    def goes_on(self) -> None:
        self.more.callback(None)

    def sent(self, connection: Connection) -> int:
        """How much of files has left past Python on a connection."""
        outlets = [outlet for outlet in self.twins.outlets.made if outlet.transport is connection.transport]
        return sum(size for outlet in outlets for size in outlet.sent)


def open_partials() -> int:
    """How many files of the store's folder for what arrives this process has open."""
    numbers = Path("/proc/self/fd")
    return sum("/partial" in os.path.realpath(number) for number in numbers.iterdir())


def test_what_is_written_leaves_from_there_and_the_rest_when_it_has_come(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    connection = cold.asking()
    assert connection.received.endswith(CONTENT[HALF - 100 : HALF - 1])
    cold.goes_on()
    assert connection.reply().body == CONTENT
    assert cold.sent(connection) > len(CONTENT) // 2
    connection.send(head("GET", "/healthz"))
    assert connection.reply().status == 200


def test_many_clients_share_one_fetch(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    connections = [cold.asking() for _ in range(5)]
    cold.goes_on()
    assert all(connection.reply().body == CONTENT for connection in connections)
    assert len([url for _, url, _ in file_requests(cold.twins.public) if url.endswith(NAME)]) == 1


def test_no_byte_that_is_written_down_is_read_for_a_client(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    together = [cold.asking() for _ in range(5)]
    cold.goes_on()
    for connection in together:
        assert connection.reply().body == CONTENT
        assert cold.sent(connection) == len(CONTENT)


def test_file_that_is_held_in_memory_is_read_for_its_clients(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    cold.twins.public.script = lambda content, start: in_pieces(
        CONTENT[:1000], cold.more, CONTENT[1000:], size_bytes=len(CONTENT)
    )
    connection = cold.asking()
    assert connection.received.endswith(CONTENT[900:999])
    assert cold.sent(connection) == 0
    cold.goes_on()
    assert connection.reply().body == CONTENT
    assert cold.sent(connection) == len(CONTENT) - 999


def test_part_of_a_cold_file_leaves_so_too(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    start, stop = HELD_BYTES * 3, HALF + HELD_BYTES * 9
    connection = cold.asking({"Range": f"bytes={start}-{stop - 1}"})
    cold.goes_on()
    reply = connection.reply()
    assert (reply.status, reply.body) == (206, CONTENT[start:stop])
    assert cold.sent(connection) > 0


@pytest.mark.parametrize("moment", ["at its head", "in the file"])
def test_client_that_stalls_keeps_nobody_waiting_and_is_dropped_in_time(tmp_path: Path, moment: str) -> None:
    cold = Cold(tmp_path)
    stalled, other = cold.asking(stalls=True), cold.asking()
    cold.goes_on()
    assert other.reply().body == CONTENT
    if moment == "in the file":
        while not cold.sent(stalled):
            cold.outlet(stalled).room = 1000
            stalled.sip()
    assert stalled.held_bytes < CHUNK_BYTES
    cold.twins.node.clock.advance(limits_of(CONFIG).write_timeout_s - 0.1)
    assert stalled.is_open
    cold.twins.node.clock.advance(0.2)
    assert not stalled.is_open


def test_client_that_sips_gets_every_byte(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    connection = cold.asking(stalls=True)
    cold.goes_on()
    outlet = cold.outlet(connection)
    for _ in range(400):
        outlet.room = 100_000
        connection.sip()
    assert connection.reply().body == CONTENT


def test_wrong_bytes_never_look_complete(tmp_path: Path) -> None:
    cold = Cold(tmp_path, rest=CONTENT[HALF:-1] + bytes([CONTENT[-1] ^ 1]))
    connection = cold.asking()
    cold.goes_on()
    assert not connection.is_open
    assert not connection.reply().is_complete


def test_client_of_bytes_that_are_thrown_away_under_it_is_cut(tmp_path: Path) -> None:
    cold = Cold(tmp_path, rest=b"x" * 10)
    connection = cold.asking(stalls=True)
    outlet = cold.outlet(connection)
    outlet.room = 1000
    connection.sip()
    cold.goes_on()
    connection.take()
    assert not connection.is_open
    assert not connection.reply().is_complete


def test_tier_that_breaks_off_cuts_the_client(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    cold.twins.public.script = lambda content, start: in_pieces(
        *([CONTENT[:HALF]] if start == 0 else []),
        TierUnreachable(tier="public", reason="gone"),
        size_bytes=len(CONTENT),
    )
    connection = cold.asking()
    cold.twins.node.clock.pump([1.0] * 60)
    assert not connection.is_open
    assert not connection.reply().is_complete


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="which descriptors are open is told by /proc")
@pytest.mark.parametrize("moment", ["while it is written", "behind its end"])
def test_client_that_leaves_keeps_no_descriptor(tmp_path: Path, moment: str) -> None:
    cold = Cold(tmp_path)
    before = open_partials()
    connection, other = cold.asking(stalls=True), cold.asking()
    if moment == "behind its end":
        cold.goes_on()
    connection.leave()
    if moment == "while it is written":
        cold.goes_on()
    assert other.reply().body == CONTENT
    assert open_partials() == before


def test_socket_that_breaks_ends_it(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    connection, other = cold.asking(stalls=True), cold.asking()
    outlet = cold.outlet(connection)
    outlet.is_broken = True
    connection.take()
    assert not connection.is_open
    cold.goes_on()
    assert other.reply().body == CONTENT


def test_file_that_is_shortened_by_someone_else_is_cut(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    connection = cold.asking(stalls=True)
    (partial,) = (path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size == HALF)
    os.truncate(partial, HELD_BYTES * 5)
    connection.take()
    assert not connection.is_open
    assert not connection.reply().is_complete


def test_without_an_outlet_or_a_length_the_bytes_are_read(tmp_path: Path) -> None:
    without = Cold(tmp_path / "a")
    without.twins.outlets.are_there = False
    unstated = Cold(tmp_path / "b", size_bytes=None)
    for cold in (without, unstated):
        connection = cold.asking()
        cold.goes_on()
        assert connection.reply().body == CONTENT
        assert cold.sent(connection) == 0


def test_stored_file_that_is_asked_for_in_an_unusual_way_leaves_so_too(tmp_path: Path) -> None:
    cold = Cold(tmp_path)
    first = cold.asking()
    cold.goes_on()
    assert first.reply().body == CONTENT
    again = cold.asking({"Cache-Control": "max-age=100000"})
    assert again.reply().body == CONTENT
    assert cold.sent(again) > len(CONTENT) // 2
