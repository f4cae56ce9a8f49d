"""What a node decides about its workers: whether there are any, how soon a dead one is replaced, where they listen."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest
from attrs import evolve
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IReactorProcess, IReactorSocket
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.web.resource import Resource
from zope.interface import implementer

from tests.doubles.small_node import CONFIG
from tiercache.cache.knowledge import Knowledge, compartment_of
from tiercache.config import NodeConfig, StoreConfig
from tiercache.config.addresses import Endpoint
from tiercache.simple.names import normalise
from tiercache.web.hot.channel import FrontChannel
from tiercache.web.limits import Limits
from tiercache.web.server import NodeSite
from tiercache.workers.board import Board
from tiercache.workers.crew import Crew, crew_of, obstacle
from tiercache.workers.place import LONGEST_PAUSE_S, pause_s
from tiercache.workers.sockets import listening_sockets

FOLDER = evolve(CONFIG, node=NodeConfig(name="here", workers=4), store=StoreConfig(path="/nowhere"))


@implementer(IReactorProcess, IReactorSocket)
class WholeReactor(Clock):
    """One that says that it can."""


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    seen: list[str] = []

    def observe(event: dict[str, object]) -> None:
        if event.get("log_namespace") == "tiercache.workers.crew":
            seen.append(str(event.get("why")))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def test_nothing_is_in_the_way_of_workers_where_all_is_there() -> None:
    assert obstacle(FOLDER, WholeReactor(), can_share=True, can_send=True) is None


def test_node_without_what_workers_need_is_one_process() -> None:
    reactor = WholeReactor()
    memory = evolve(FOLDER, store=StoreConfig(files="memory", catalogue="memory"))
    assert "memory" in str(obstacle(memory, reactor, can_share=True, can_send=True))
    secure = evolve(FOLDER, node=NodeConfig(name="here", workers=4, listen=("ssl:8141:privateKey=key.pem",)))
    assert "tcp" in str(obstacle(secure, reactor, can_share=True, can_send=True))
    assert "SO_REUSEPORT" in str(obstacle(FOLDER, reactor, can_share=False, can_send=True))
    assert "sendfile" in str(obstacle(FOLDER, reactor, can_share=True, can_send=False))
    assert "reactor" in str(obstacle(FOLDER, Clock(), can_share=True, can_send=True))


def test_that_it_is_one_process_is_said_in_the_log(warnings: list[str]) -> None:
    site = NodeSite(Resource(), Clock(), Limits())
    assert crew_of(FOLDER, site, Clock()) is None
    assert len(warnings) == 1
    assert site.protocol is FrontChannel


def test_one_worker_is_the_node_itself_and_nothing_to_speak_of(warnings: list[str]) -> None:
    assert (
        crew_of(evolve(FOLDER, node=NodeConfig(name="here")), NodeSite(Resource(), Clock(), Limits()), Clock()) is None
    )
    assert warnings == []


@pytest.mark.parametrize(
    ("endpoint", "is_taken"),
    [
        ("tcp:8141:interface=127.0.0.1", True),
        ("ssl:8141:privateKey=key.pem", False),
        ("unix:/run/x", False),
        ("systemd:domain=INET:index=0", False),
    ],
)
def test_what_is_no_plain_socket_stays_the_node_s_own(endpoint: str, is_taken: bool) -> None:
    assert Crew.takes(Endpoint.parse(endpoint)) is is_taken


def test_first_death_is_answered_at_once_and_each_after_it_later() -> None:
    assert [pause_s(deaths) for deaths in range(1, 6)] == [0.0, 1.0, 2.0, 4.0, 8.0]
    assert pause_s(50) == LONGEST_PAUSE_S


# -- the board ----------------------------------------------------------------------------------------------------


def test_board_shows_the_same_to_all_who_have_it() -> None:
    node = Board.made(2)
    first, second = (Board(os.dup(node.number), node.places, place) for place in (1, 2))
    knowledge = Knowledge()
    knowledge.changed_for_all()
    knowledge.move_to(node.known)
    seen = [Knowledge(board.known) for board in (first, second)]
    numpy, other = (compartment_of(normalise(name)) for name in ("numpy", "other"))
    assert [one.version(numpy) for one in seen] == [1, 1], "what was known before is known there"
    knowledge.changed([normalise("numpy")])
    assert [(one.version(numpy), one.version(other)) for one in seen] == [(2, 1), (2, 1)]
    node.count(3)
    first.count(5)
    second.count(7)
    assert (node.elsewhere(), first.elsewhere(), second.elsewhere()) == (12, 10, 8)
    node.forget(1)
    assert (node.elsewhere(), second.elsewhere()) == (7, 3)
    for board in (node, first, second):
        board.close()


# -- sockets ------------------------------------------------------------------------------------------------------

can_share = pytest.mark.skipif(not hasattr(socket, "SO_REUSEPORT"), reason="sockets of this system share no address")


@can_share
def test_sockets_share_one_port_that_is_nobody_else_s() -> None:
    sockets = listening_sockets(Endpoint.parse("tcp:0:interface=127.0.0.1"), 3)
    (address,) = {one.getsockname() for one in sockets}
    try:
        with pytest.raises(CannotListenError, match=str(address[1])):
            listening_sockets(Endpoint.parse(f"tcp:{address[1]}:interface=127.0.0.1"), 3)
    finally:
        for one in sockets:
            one.close()
    for one in listening_sockets(Endpoint.parse(f"tcp:{address[1]}:interface=127.0.0.1"), 2):
        one.close()


@can_share
def test_port_of_a_single_process_is_taken_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListenError):
            listening_sockets(Endpoint.parse(f"tcp:{port}:interface=127.0.0.1"), 2)


@can_share
@pytest.mark.parametrize("interface", ["\\:\\:1", "127.0.0.1"])
def test_interface_is_the_one_that_was_named(interface: str) -> None:
    try:
        sockets = listening_sockets(Endpoint.parse(f"tcp:0:interface={interface}"), 1)
    except CannotListenError:
        pytest.skip("this machine has no such address")
    with sockets[0] as one:
        assert one.getsockname()[0] == interface.replace("\\", "")
