"""The process of a worker, as its node starts it: what it needs stands in descriptors (`place`) and in three numbers.

It ends when the node says so, or is no more.  The signals by which a terminal or a service manager ends a whole group
of processes are the node's to hear: it ends its workers once they have done what is under way.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any

from twisted.internet.protocol import Factory
from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText, globalLogBeginner
from zope.interface import implementer

from tiercache.workers.arriving import adopting
from tiercache.workers.board import Board
from tiercache.workers.line import BOARD, CONTROL, FIRST_SOCKET, Line
from tiercache.workers.messages import FromNode, Say, from_node
from tiercache.workers.worker import Worker

NOT_FOR_WORKERS = ("SIGINT", "SIGTERM", "SIGHUP")


@implementer(ILogObserver)
class Saying:
    """Says to the node what is for its log."""

    def __init__(self, line: Line[FromNode]) -> None:
        self._line = line

    def __call__(self, event: LogEvent) -> None:
        """See `ILogObserver`."""
        level = event.get("log_level", LogLevel.info)
        if level >= LogLevel.warn or (
            level == LogLevel.info and event.get("log_namespace", "").startswith("tiercache")
        ):
            self._line.say(Say(level.name, eventAsText(event, includeTimestamp=False, includeSystem=False)))


class _OnTheLine(Factory):
    noisy = False

    def __init__(self, line: Line[FromNode]) -> None:
        self._line = line

    def buildProtocol(self, addr: object) -> Line[FromNode]:  # noqa: N802  # Twisted's
        return self._line


def main(number: int, places: int, sockets: int) -> None:
    """Work until the node has enough."""
    for name in NOT_FOR_WORKERS:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    from twisted.internet import reactor as installed

    reactor: Any = installed

    def listen(factory: Any) -> Sequence[Any]:
        ports = []
        for at in range(sockets):
            with socket.socket(fileno=FIRST_SOCKET + at) as listening:
                ports.append(reactor.adoptStreamPort(listening.fileno(), listening.family, factory))
        return ports

    def ended() -> None:
        if reactor.running:
            reactor.stop()

    line: Line[FromNode] = Line(from_node)
    globalLogBeginner.beginLoggingTo([Saying(line)], redirectStandardIO=False)
    line.listener = Worker(
        line=line,
        board=Board(BOARD, places, number),
        clock=reactor,
        now=time.time,
        listen=listen,
        adopt=adopting(reactor),
        ended=ended,
    )
    with socket.socket(fileno=CONTROL) as control:
        reactor.adoptStreamConnection(control.fileno(), control.family, _OnTheLine(line))
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # seldom: answers that are ready leave next to nothing behind
    reactor.run(installSignalHandlers=False)
    os._exit(0)  # nothing is left to tidy up, and no thread to wait for


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
