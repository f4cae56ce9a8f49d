"""Clients that take without reading, sit idle, or never finish a sentence; those beside them are not to notice."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPException

import pytest

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.clients import Pip, Uv
from tests.doubles.fetching import PATIENCE_S, assert_whole
from tests.doubles.processes import RunningNode, wait_until
from tests.doubles.universe import APPLICATION, Universe

HEAD_LIMIT_BYTES = 4 << 20


def plain_connection(node: RunningNode) -> socket.socket:
    """A connection that takes in as little as it can, unread, and lets little wait to be sent."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
    made.settimeout(PATIENCE_S)
    made.connect(("127.0.0.1", node.port))
    return made


def asked(node: RunningNode, path: str) -> socket.socket:
    """A connection with a GET on its way."""
    made = plain_connection(node)
    made.sendall(f"GET /{path} HTTP/1.1\r\nHost: node.example\r\n\r\n".encode())
    return made


@contextmanager
def reading_a_byte_a_second(node: RunningNode, path: str) -> Iterator[bytearray]:
    """A client as slow as that, for as long as the block lasts; what it has read so far."""
    over = threading.Event()
    read = bytearray()

    def dawdle() -> None:
        with asked(node, path) as connection:
            while not over.wait(1.0 if read else 0):
                read.extend(connection.recv(1))

    thread = threading.Thread(target=dawdle)
    thread.start()
    try:
        yield read
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("state", ["cold", "stored"])
def test_slow_readers_and_those_who_read_nothing_hinder_nobody(
    state: str, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    node = node_of(fake_index())
    big = universe.wheel("tc-big", "1.0")
    path = f"files/{big.hashes['sha256']}/{big.filename}"
    if state == "stored":
        assert_whole(node.get(path), big.path)
    with ExitStack() as stalled, reading_a_byte_a_second(node, path) as slowly:
        for _ in range(20):
            stalled.enter_context(asked(node, path))
        wait_until(lambda: slowly, what="the first byte of the slow reader")

        installed = uv.install(node.simple, APPLICATION)

        assert installed.succeeded, installed.run.said
        assert_whole(node.get(path), big.path)
        assert b"HTTP/1.1 200 OK".startswith(bytes(slowly[:15]))
        assert node.peak_memory_bytes() < 150 << 20


def test_a_hundred_and_fifty_idle_connections_leave_room_for_an_install(
    uv: Uv, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    node = node_of(fake_index())
    with ExitStack() as idle:
        for _ in range(150):
            idle.enter_context(plain_connection(node))
        wait_until(lambda: node.open_descriptors() > 150, what="150 accepted connections")

        installed = uv.install(node.simple, APPLICATION)

        assert installed.succeeded, installed.run.said


def was_turned_away(connection: socket.socket) -> bool:
    """Whether the node has said something, or hung up, without having been asked."""
    return bool(select.select([connection], [], [], 0)[0])


def test_a_node_recovers_from_more_connections_than_it_has_descriptors(
    pip: Pip, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    limit = 100
    node = node_of(fake_index(), descriptors=limit)
    with ExitStack() as idle:
        connections = [idle.enter_context(plain_connection(node)) for _ in range(2 * limit)]
        # Either it has used up what it may, or it turns connections away before that.
        wait_until(
            lambda: node.open_descriptors() >= limit - 5 or any(map(was_turned_away, connections)),
            what="the end of the node's room",
        )
        assert node.is_alive

    wait_until(lambda: answers(node), what="the recovery")
    installed = pip.install(node.simple, APPLICATION)
    assert installed.succeeded, installed.run.said


def answers(node: RunningNode) -> bool:
    """Whether a new connection is served."""
    try:
        return node.get("healthz").status == 200
    except (OSError, HTTPException):
        return False


def test_a_request_head_that_never_ends_is_cut_off(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    node = node_of(fake_index())
    sent = 0
    with plain_connection(node) as endless:
        endless.sendall(b"GET /simple/ HTTP/1.1\r\nHost: node.example\r\n")
        with suppress(ConnectionError):
            while sent < HEAD_LIMIT_BYTES:
                sent += endless.send(b"X-More: " + b"x" * 1000 + b"\r\n")

    assert sent < HEAD_LIMIT_BYTES
    assert node.get("healthz").status == 200


def test_a_request_line_that_never_ends_is_cut_off(fake_index: IndexStarter, node_of: NodeStarter) -> None:
    node = node_of(fake_index())
    sent = 0
    with plain_connection(node) as endless:
        endless.sendall(b"GET /")
        with suppress(ConnectionError):
            while sent < HEAD_LIMIT_BYTES:
                sent += endless.send(b"x" * 1000)

    assert sent < HEAD_LIMIT_BYTES
    assert node.get("healthz").status == 200
