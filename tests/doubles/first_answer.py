"""`tiercache serve` up to its first answer, and what that took: run as `python -m tests.doubles.first_answer`.

It asks the node it runs for one path, over a socket, then for others, and ends.  What it counted is written as JSON:
the modules that were loaded by the first answer, the folders below the store that were listed, how many files there
were opened, how many steps SQLite went, and which of our modules were loaded for the others while nobody could be
answered.  Nothing of that depends on how fast the machine is.  It loads nothing by itself but the standard library.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
import threading
import time
from typing import Any

PATIENCE_S = 60.0


class Counted:
    """What the process does from now on; `below` is the store's folder."""

    def __init__(self, below: str) -> None:
        self.listed: list[str] = []
        self.opened = 0
        self.steps = 0
        self.in_turns: list[str] = []
        self._is_asked = False
        self._below = below
        self._connect = sqlite3.connect
        sqlite3.connect = self._connected  # type: ignore[assignment]  # the one place where steps can be counted
        sys.addaudithook(self._hear)

    def _connected(self, *given: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._connect(*given, **named)
        connection.set_progress_handler(self._step, 1)
        return connection

    def begin(self) -> None:
        """The node answers: from now on nobody is to wait for modules."""
        self._is_asked = True

    def _hear(self, what: str, about: tuple[Any, ...]) -> None:
        if what == "import" and self._is_asked and threading.current_thread() is threading.main_thread():
            self.in_turns += [about[0]] if about[0].startswith("tiercache.") else []
        if what in ("os.listdir", "os.scandir", "open") and str(about[0]).startswith(self._below):
            if what == "open":
                self.opened += 1
            else:
                self.listed.append(str(about[0])[len(self._below) :])

    def _step(self) -> int:
        self.steps += 1
        return 0


def answered(port: int, path: str) -> int:
    """The status of the first answer; 0 where none comes."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nHost: node.example\r\n\r\n".encode())
                return int(connection.recv(65536)[9:12])
        except OSError:
            time.sleep(0.01)
    return 0


def main() -> None:
    """Serve, ask, write, end."""
    tiers_file, store, port, told, path, *then = sys.argv[1:]
    counted = Counted(store)

    def ask() -> None:
        status = answered(int(port), path)
        found = {
            "status": status,
            "modules": sorted(sys.modules),
            "listed": counted.listed,
            "opened": counted.opened,
            "steps": counted.steps,
        }
        counted.begin()
        found["then"] = [answered(int(port), next_path) for next_path in then]
        found["in_turns"] = counted.in_turns
        with open(told, "w", encoding="utf-8") as file:  # noqa: PTH123  # pathlib is not to be loaded for this
            json.dump(found, file)
        os._exit(0)

    threading.Thread(target=ask, daemon=True).start()
    from tiercache.cli import main as command_line

    command_line(["serve", "--config", tiers_file])


if __name__ == "__main__":
    main()
