"""What only a kernel shows: connections beyond the descriptors, and clients that take nothing."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from attrs import frozen

from tests.web.served import BIG_PATH

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0


@frozen
class Served:
    """A child process that serves, and its port."""

    process: subprocess.Popen[str]
    port: int

    def connect(self) -> socket.socket:
        """A connection; its receive buffer is small, so that what is not read soon stays with the node."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        sock.settimeout(PATIENCE_S)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def get(self, path: str) -> bytes:
        """The whole response on a connection of its own, or what came of it."""
        with self.connect() as sock:
            ask(sock, path, "Connection: close\r\n")
            return drained(sock)

    @property
    def cpu_s(self) -> float:
        """The processor time that the child has used, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak_bytes(self) -> int:
        """The most memory that the child has held."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


@contextmanager
def served(connections: int = 1000, descriptors: int = 0, write_timeout_s: float = 60.0) -> Iterator[Served]:
    command = [sys.executable, "-m", "tests.web.served", str(connections), str(descriptors), str(write_timeout_s)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Served(process, int(process.stdout.readline()))
        finally:
            process.kill()


def ask(sock: socket.socket, path: str, fields: str = "") -> None:
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: node.example\r\n{fields}\r\n".encode())


def drained(sock: socket.socket) -> bytes:
    """All that comes until the end, or until the connection is reset."""
    parts = []
    try:
        while part := sock.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def is_ended(sock: socket.socket, within_s: float = PATIENCE_S) -> bool:
    """Whether the node has closed or reset a connection on which it has sent nothing."""
    readable, _, _ = select.select([sock], [], [], within_s)
    if not readable:
        return False
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def is_reset(sock: socket.socket) -> bool:
    """Whether the node cuts a connection that is not read from."""
    poll = select.poll()
    poll.register(sock, 0)  # errors are always told
    return bool(poll.poll(PATIENCE_S * 1000))


def test_more_connections_than_descriptors_are_closed_and_the_node_neither_spins_nor_stops() -> None:
    with served(descriptors=64) as node, ExitStack() as held:
        first = held.enter_context(node.connect())
        ask(first, "/healthz")
        assert first.recv(4096).startswith(b"HTTP/1.1 200 ")
        many = [held.enter_context(node.connect()) for _ in range(100)]
        assert is_ended(many[-1])
        before = node.cpu_s
        assert not is_ended(first, within_s=1.0)
        assert node.cpu_s - before < 0.3, "of the second that has passed"
        ask(first, "/simple/numpy/")
        assert first.recv(4096).startswith(b"HTTP/1.1 200 ")
        for sock in many:
            sock.close()
        ends_at = time.monotonic() + PATIENCE_S
        while not (answer := node.get("/healthz")).startswith(b"HTTP/1.1 200 ") and time.monotonic() < ends_at:
            pass
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_connections_above_the_limit_are_told_so_and_the_node_goes_on() -> None:
    with served(connections=5) as node, ExitStack() as held:
        idle = [held.enter_context(node.connect()) for _ in range(5)]
        ask(idle[0], "/healthz")
        assert idle[0].recv(4096).startswith(b"HTTP/1.1 200 ")
        assert b" 503 " in node.get("/simple/numpy/").splitlines()[0]
        ask(idle[1], "/healthz")
        assert idle[1].recv(4096).startswith(b"HTTP/1.1 200 ")


def test_twenty_clients_that_read_nothing_cost_little_memory_and_are_dropped() -> None:
    with served(write_timeout_s=2.0) as node, ExitStack() as held:
        before = node.peak_bytes
        stalled = [held.enter_context(node.connect()) for _ in range(20)]
        for sock in stalled:
            ask(sock, BIG_PATH)
        assert node.get("/healthz").startswith(b"HTTP/1.1 200 ")
        assert all(is_reset(sock) for sock in stalled)
        assert node.peak_bytes - before < 20 * 512 * 1024


def test_client_that_reads_slowly_gets_every_byte() -> None:
    with served(write_timeout_s=5.0) as node, node.connect() as sock:
        ask(sock, BIG_PATH, "Range: bytes=-4194304\r\nConnection: close\r\n")
        received = bytearray()
        while part := sock.recv(1000):
            received += part
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206 ")
        assert len(body) == 4194304
