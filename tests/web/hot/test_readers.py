"""Connections that ask for what is ready are read together, past their transports, and by these again for all else.

On the real reactor and sockets of loopback, since that is all that there is to it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from attrs import define, field
from twisted.internet import reactor as the_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.protocol import Protocol
from twisted.internet.task import deferLater
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from tests.doubles.hosting import publish
from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG, SmallNode, sha256
from tests.web.hot.twins import ACME, ACME_NAME, head
from tiercache.served import root_of
from tiercache.storage.folder import FolderFiles
from tiercache.web.hot.channel import MOST_A_TURN
from tiercache.web.hot.readers import FEWEST
from tiercache.web.limits import Limits
from tiercache.web.server import NodeSite

reactor: Any = the_reactor

PATIENCE_S = 20.0
LARGE = b"x" * 3_000_000
LARGE_NAME = "acme_tools-2.0.tar.gz"
PAGE = head("GET", "/simple/acme-tools/")
STOCK = head("GET", "/healthz")
FILE = head("GET", f"/files/{sha256(ACME)}/{ACME_NAME}")
LARGE_FILE = head("GET", f"/files/{sha256(LARGE)}/{LARGE_NAME}")


async def until(is_so: Callable[[], object]) -> None:
    """Let the reactor go on until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        await deferLater(reactor, 0.001)


@define(eq=False)
class Client(Protocol):
    """One connection, which counts what it is answered."""

    received: bytearray = field(factory=bytearray)
    is_open: bool = True

    def dataReceived(self, data: bytes) -> None:  # noqa: N802  # Twisted's name
        self.received += data

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802  # Twisted's name
        self.is_open = False

    @property
    def answers(self) -> int:
        return self.received.count(b"HTTP/1.1 200 OK\r\n")

    async def ask(self, request: bytes) -> bytes:
        """What this request is answered with, whose body states its length."""
        self.received.clear()
        self.transport.write(request)
        await until(self.is_answered)
        return bytes(self.received)

    def is_answered(self) -> bool:
        whole, _, body = bytes(self.received).partition(b"\r\n\r\n")
        stated = [line for line in whole.split(b"\r\n") if line.lower().startswith(b"content-length: ")]
        return bool(stated) and len(body) >= int(stated[0].split()[1])


@define(eq=False)
class Live:
    """A site at a port of loopback, with its clients."""

    site: NodeSite
    port: int
    clients: list[Client] = field(factory=list)

    async def joined(self, clients: int = FEWEST) -> list[Client]:
        """So many more clients, each of which has asked for the page until it is read with the others."""
        for _ in range(clients):
            endpoint = clientFromString(reactor, f"tcp:127.0.0.1:{self.port}")
            self.clients.append(await connectProtocol(endpoint, Client()))
        await until(lambda: self.site.connections == len(self.clients))
        for client in self.clients:
            for _ in range(5):
                assert (await client.ask(PAGE)).startswith(b"HTTP/1.1 200 OK\r\n")
        return self.clients

    @property
    def read_together(self) -> int:
        return len(self.site.readers)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Makes one, with limits."""
    made: list[tuple[Any, NodeSite]] = []

    def make(limits: Limits | None = None) -> Live:
        node = SmallNode(upstreams=[], clock=reactor, files=FolderFiles.at(tmp_path))
        for name, data in ((ACME_NAME, ACME), (LARGE_NAME, LARGE)):
            publish(node.parts.hosted, node.parts.stored_files, "acme-tools", name, data)
        root = root_of(
            CONFIG, node.parts, clock=reactor, pool=at_once, token="t", not_ready=lambda: None, node_id="here"
        )
        site = NodeSite(root, reactor, limits or Limits())
        listening = reactor.listenTCP(0, site, interface="127.0.0.1")
        made.append((listening, site))
        return Live(site, listening.getHost().port)

    yield make
    for listening, site in made:
        pytest_twisted.blockon(listening.stopListening())
        pytest_twisted.blockon(Deferred.fromCoroutine(site.drain(0)))


Make = Callable[..., Live]


@pytest_twisted.ensureDeferred
async def test_those_that_ask_for_what_is_ready_are_read_together(live: Make) -> None:
    here = live()
    clients = await here.joined()
    assert here.read_together == FEWEST
    answers = {await client.ask(PAGE) for client in clients}
    assert len(answers) <= 2, "but for the second in which they were given"
    assert ACME_NAME.encode() in answers.pop()


@pytest_twisted.ensureDeferred
async def test_few_are_left_to_their_transports(live: Make) -> None:
    here = live()
    await here.joined(FEWEST - 1)
    assert here.read_together == 0


@pytest_twisted.ensureDeferred
async def test_what_is_not_ready_is_answered_by_the_application_and_read_by_the_transport(live: Make) -> None:
    here = live()
    clients = await here.joined()
    assert b"alive" in await clients[0].ask(STOCK)
    assert here.read_together == FEWEST - 1
    clients[1].received.clear()
    clients[1].transport.write(PAGE + STOCK + PAGE + STOCK)
    await until(lambda: clients[1].answers == 4)
    assert here.read_together == FEWEST - 2
    for _ in range(5):
        await clients[0].ask(PAGE)
    assert here.read_together == FEWEST - 1, "it is one of them again"


@pytest_twisted.ensureDeferred
async def test_head_that_comes_in_pieces_is_the_transport_s(live: Make) -> None:
    here = live()
    client, *_ = await here.joined()
    client.received.clear()
    client.transport.write(PAGE[:10])
    await until(lambda: here.read_together == FEWEST - 1)
    client.transport.write(PAGE[10:])
    await until(client.is_answered)


@pytest_twisted.ensureDeferred
async def test_client_that_leaves_is_gone(live: Make) -> None:
    here = live()
    clients = await here.joined()
    clients[0].transport.loseConnection()
    clients[1].transport.abortConnection()
    await until(lambda: here.site.connections == FEWEST - 2)
    assert here.read_together == FEWEST - 2
    here.clients = [client for client in clients if client.is_open]
    await here.joined(2)
    assert here.read_together == FEWEST, "the sockets' numbers may be the same"


@pytest_twisted.ensureDeferred
async def test_idle_connection_is_closed_in_its_time(live: Make) -> None:
    here = live(Limits(idle_timeout_s=0.5))
    clients = await here.joined()
    await until(lambda: not any(client.is_open for client in clients))
    assert here.read_together == 0


@pytest_twisted.ensureDeferred
async def test_node_that_stops_closes_them(live: Make) -> None:
    here = live()
    clients = await here.joined()
    await here.site.drain(PATIENCE_S)
    await until(lambda: not any(client.is_open for client in clients))
    assert here.read_together == here.site.connections == 0


@pytest_twisted.ensureDeferred
async def test_client_that_pipelines_and_reads_nothing_is_not_read_on_and_dropped(live: Make) -> None:
    here = live(Limits(write_timeout_s=0.5))
    client, *_ = await here.joined()
    assert len(await client.ask(LARGE_FILE)) > len(LARGE)
    for _ in range(3):
        await client.ask(PAGE)
    assert here.read_together == FEWEST
    requests = LARGE_FILE * 400_000
    client.transport.pauseProducing()
    handle = client.transport.getHandle()
    sent = 0

    def sends() -> bool:
        nonlocal sent
        with suppress(BlockingIOError, ConnectionError):
            sent += handle.send(requests[sent : sent + 65536])
        return here.site.connections < FEWEST

    await until(sends)
    assert sent < len(requests) / 2, "the rest stayed with the client"
    client.transport.abortConnection()


@pytest_twisted.ensureDeferred
async def test_many_at_once_are_all_answered(live: Make) -> None:
    here = live()
    client, *_ = await here.joined()
    client.received.clear()
    client.transport.write(PAGE * (3 * MOST_A_TURN))
    await until(lambda: client.answers == 3 * MOST_A_TURN)


@pytest_twisted.ensureDeferred
async def test_files_go_out_from_there(live: Make) -> None:
    here = live()
    clients = await here.joined()
    for request, body in ((FILE, ACME), (LARGE_FILE, LARGE)):
        for _ in range(3):
            for client in clients:
                assert (await client.ask(request)).endswith(b"\r\n\r\n" + body)
    for client in clients:
        await client.ask(PAGE)
        await client.ask(PAGE)
    assert here.read_together == FEWEST


@pytest_twisted.ensureDeferred
async def test_mistake_in_one_connection_closes_it_and_not_the_others(
    live: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = live()
    clients = await here.joined()
    hot = here.site.hot
    assert hot is not None

    def fail(*_: object, **__: object) -> None:
        raise ArithmeticError

    with monkeypatch.context() as patched, capturedLogs() as events:
        patched.setattr(type(hot), "answer", fail)
        clients[0].transport.write(PAGE)
        await until(lambda: not clients[0].is_open)
    assert here.read_together == FEWEST - 1
    assert ACME_NAME.encode() in await clients[1].ask(PAGE)
    assert [type(event["log_failure"].value) for event in events if "log_failure" in event] == [ArithmeticError]
