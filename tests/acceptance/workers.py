"""The workers of a running node, as the system shows them: which processes they are, and who has which connection."""

from __future__ import annotations

import http.client
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.doubles.fetching import PATIENCE_S
from tests.doubles.processes import RunningNode, wait_until

BEGUN = re.compile(r"worker (\d+) takes connections \(process (\d+)\)")


def workers_of(node: RunningNode, count: int = 2, starts: int | None = None) -> dict[int, int]:
    """The process of each worker by its number, once so many are there, after so many starts."""
    wait_until(
        lambda: len(BEGUN.findall(node.said())) >= (starts or count),
        what=lambda: f"the workers ({node.said()[-2000:]})",
    )
    return {int(number): int(pid) for number, pid in BEGUN.findall(node.said())}


def is_alive(pid: int) -> bool:
    """Whether there is such a process, which is more than the memory of one."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def holder(pids: set[int], node: RunningNode, client: socket.socket) -> int | None:
    """Which of these processes has the node's end of a connection; None while it has not been taken."""
    mine = client.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(field.rpartition(":")[2], 16) for field in fields[1:3])
        if (local, remote) == (node.port, mine):
            return next((pid for pid in pids if _has(pid, fields[9])), None)
    return None


def _has(pid: int, inode: str) -> bool:
    for number in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if number.readlink().name == f"socket:[{inode}]":
                return True
        except FileNotFoundError:
            continue
    return False


@contextmanager
def connections(node: RunningNode, count: int) -> Iterator[list[http.client.HTTPConnection]]:
    """So many that are open and have asked for nothing."""
    opened = [http.client.HTTPConnection("127.0.0.1", node.port, timeout=PATIENCE_S) for _ in range(count)]
    try:
        for one in opened:
            one.connect()
        yield opened
    finally:
        for one in opened:
            one.close()


def ask(connection: http.client.HTTPConnection, path: str, **headers: str) -> tuple[int, bytes]:
    """Status and body of a GET."""
    connection.request("GET", path, headers={name.replace("_", "-"): text for name, text in headers.items()})
    response = connection.getresponse()
    return response.status, response.read()
