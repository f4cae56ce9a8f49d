"""What only a kernel shows of files that it sends itself."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from attrs import frozen

from tests.web.hot.served import content

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
SIZE = 20_000_003


@frozen
class Served:
    """A child process that serves one file at `path`."""

    process: subprocess.Popen[str]
    port: int
    path: str

    def connect(self) -> socket.socket:
        """A connection with a small receive buffer."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        sock.settimeout(PATIENCE_S)
        sock.connect(("127.0.0.1", self.port))
        return sock

    def client(self) -> HTTPConnection:
        """A client that keeps its connection."""
        return HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def open_files(self, folder: Path) -> int:
        """How many files of the store the child has open."""
        numbers = Path(f"/proc/{self.process.pid}/fd")
        return sum(str(folder / "files") in os.path.realpath(number) for number in numbers.iterdir())


@contextmanager
def served(folder: Path, write_timeout_s: float = 60.0) -> Iterator[Served]:
    command = [sys.executable, "-m", "tests.web.hot.served", str(folder), str(SIZE), str(write_timeout_s)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port, path = process.stdout.readline().split()
            yield Served(process, int(port), path)
        finally:
            process.kill()


def got(client: HTTPConnection, path: str, **fields: str) -> bytes:
    client.request("GET", path, headers=fields)
    return client.getresponse().read()


def test_file_page_and_parts_come_whole_on_one_connection(tmp_path: Path) -> None:
    whole = content(SIZE)[:SIZE]
    with served(tmp_path) as node:
        client = node.client()
        for _ in range(3):
            assert got(client, node.path) == whole
            assert got(client, node.path, Range="bytes=1000000-15000000") == whole[1000000:15000001]
            assert b"acme_tools-1.0.tar.gz" in got(client, "/simple/acme-tools/")
        client.close()


def test_client_that_reads_slowly_gets_every_byte_of_a_file(tmp_path: Path) -> None:
    whole = content(SIZE)[:SIZE]
    with served(tmp_path, write_timeout_s=5.0) as node:
        client = node.client()
        assert got(client, node.path) == whole
        client.close()
        with node.connect() as sock:
            sock.sendall(f"GET {node.path} HTTP/1.1\r\nHost: here\r\nRange: bytes=0-3999999\r\n\r\n".encode())
            received = bytearray()
            while (at := received.find(b"\r\n\r\n")) < 0 or len(received) < at + 4 + 4_000_000:
                received += sock.recv(1000)
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206 ")
        assert body == whole[:4_000_000]


def test_client_that_reads_nothing_is_dropped_and_its_file_closed(tmp_path: Path) -> None:
    with served(tmp_path, write_timeout_s=5.0) as node:
        client = node.client()
        got(client, node.path)
        stalled = [node.connect() for _ in range(20)]
        for sock in stalled:
            sock.sendall(f"GET {node.path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        assert all(sock.recv(1) for sock in stalled), "each is being sent something"
        assert node.open_files(tmp_path) == 2, "they share it, and its map"
        for sock in stalled:
            poll = select.poll()
            poll.register(sock, 0)  # errors are always told
            assert poll.poll(PATIENCE_S * 1000)
            sock.close()
        while node.open_files(tmp_path):
            got(client, "/simple/acme-tools/")


def test_client_that_leaves_in_the_middle_leaves_nothing_open(tmp_path: Path) -> None:
    with served(tmp_path) as node:
        client = node.client()
        got(client, node.path)
        for _ in range(10):
            with node.connect() as sock:
                sock.sendall(f"GET {node.path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
                assert sock.recv(1000)
        while node.open_files(tmp_path):
            got(client, "/simple/acme-tools/")


@pytest.mark.parametrize("lost", ["truncated", "removed"])
def test_file_that_goes_under_its_sender_never_comes_wrong(tmp_path: Path, lost: str) -> None:
    whole = content(SIZE)[:SIZE]
    with served(tmp_path) as node:
        client = node.client()
        got(client, node.path)
        with node.connect() as sock:
            sock.sendall(f"GET {node.path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
            received = bytearray(sock.recv(1000))
            stored = next(
                path for path in (tmp_path / "files").rglob("*") if path.is_file() and path.stat().st_size == SIZE
            )
            if lost == "truncated":
                os.truncate(stored, 3_000_000)
            else:
                stored.unlink()
            try:
                while len(received.partition(b"\r\n\r\n")[2]) < SIZE and (part := sock.recv(1 << 20)):
                    received += part
            except ConnectionResetError:
                pass
        body = bytes(received).partition(b"\r\n\r\n")[2]
        assert whole.startswith(body)
        assert (body == whole) is (lost == "removed")
