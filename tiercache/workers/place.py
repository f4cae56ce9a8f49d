"""One worker's place: its sockets, its process, and the next one when that has ended.

While nobody is in, the node itself takes the connections.
"""

# ruff: noqa: N802  # some names here are Twisted's, which calls them
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.interfaces import IAddress, IDelayedCall, IListeningPort
from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.web.server import NodeSite
from tiercache.workers.arriving import adopting
from tiercache.workers.board import Board
from tiercache.workers.channels import HomingChannel
from tiercache.workers.desk import Desk, Disclosed
from tiercache.workers.line import BOARD, CONTROL, FIRST_SOCKET, Line, ends
from tiercache.workers.messages import Begin, End, FromWorker, from_worker
from tiercache.workers.watch import Watch

LONG_S = 10.0
"""Who has lived for so long did not die of how it began."""

LONGEST_PAUSE_S = 30.0

log = Logger()


def pause_s(deaths: int) -> float:
    """How long to wait before the next start, after so many deaths in a row of workers that did not live long."""
    return 0.0 if deaths <= 1 else min(2.0 ** (deaths - 2), LONGEST_PAUSE_S)


class _Process(ProcessProtocol):
    """What a worker writes goes to the log; `ended` is called when there is no process any more."""

    def __init__(self, name: str, ended: Callable[[Failure], None]) -> None:
        self._name = name
        self._ended = ended

    def outReceived(self, data: bytes) -> None:
        """See `IProcessProtocol`."""
        for line in data.decode("utf-8", "replace").splitlines():
            log.warn("{worker}: {line}", worker=self._name, line=line)

    errReceived = outReceived  # noqa: N815

    def processExited(self, reason: Failure) -> None:
        """See `IProcessProtocol`."""
        self._ended(reason)


class Door(Factory):
    """The node's own connections at a place."""

    noisy = False

    def __init__(self, place: Place) -> None:
        self._place = place

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """A channel that goes to the worker of this place, or a refusal."""
        return self._place.at_home(self._place.site.buildProtocol(addr))


@define(kw_only=True, eq=False)
class Place:
    """`number` counts from 1."""

    number: int
    site: NodeSite
    board: Board
    _reactor: Any
    sockets: list[socket.socket] = field(factory=list, init=False)
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _desk: Desk | None = field(default=None, init=False)
    _process: Any = field(default=None, init=False)
    _started_at: float = field(default=0.0, init=False)
    _watch: Watch | None = field(default=None, init=False)
    _deaths: int = field(default=0, init=False)
    _next: IDelayedCall | None = field(default=None, init=False)
    _is_closed: bool = field(default=False, init=False)
    _empty: Callable[[], None] | None = field(default=None, init=False)
    _begin: Begin = field(init=False)
    _disclosed: Disclosed = field(init=False)

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return f"worker {self.number}"

    @property
    def is_in(self) -> bool:
        """See `IHome`."""
        return self._desk is not None and self._desk.is_in

    def pass_on(self, connection: int, data: bytes) -> None:
        """See `IHome`."""
        if self._desk is None:
            os.close(connection)
        else:
            self._desk.pass_on(connection, data)

    def at_home(self, channel: Any) -> Any:
        """A channel of the node's, which goes to the worker of this place; or what there is in place of one."""
        if isinstance(channel, HomingChannel):
            channel.home = self
        return channel

    def listen(self, listening: socket.socket) -> IListeningPort:
        """Take the connections of one more socket."""
        self.sockets.append(listening)
        return self._open(listening)

    def _open(self, listening: socket.socket) -> IListeningPort:
        port: IListeningPort = self._reactor.adoptStreamPort(listening.fileno(), listening.family, Door(self))
        self._ports.append(port)
        return port

    def _came_in(self) -> None:
        log.info("{worker} takes connections (process {pid})", worker=self.name, pid=self._process.pid)
        self._shut()

    def _shut(self) -> None:
        ports, self._ports = self._ports, []
        for port in ports:
            port.stopListening()

    # -- the process ----------------------------------------------------------------------------------------------

    def start(self, begin: Begin, disclosed: Disclosed) -> None:
        """Have a worker here from now on."""
        self._begin, self._disclosed = begin, disclosed
        self._start()

    def _start(self) -> None:
        self._next = None
        self._started_at = self._reactor.seconds()
        ours, theirs = ends()
        watch = self._watch = Watch(clock=self._reactor, hangs=self._hangs)
        line: Line[FromWorker] = Line(from_worker)
        desk = self._desk = line.listener = Desk(
            name=self.name,
            line=line,
            disclosed=self._disclosed,
            adopt=adopting(self._reactor),
            channel=lambda address: self.at_home(self.site.channel(address)),
            came_in=self._came_in,
            went=lambda: self._desk_went(desk),
            spoke=watch.heard,
        )
        with ours, theirs, open(os.devnull, "rb") as nothing:  # noqa: PTH123  # a device
            try:
                self._process = self._reactor.spawnProcess(
                    _Process(self.name, self._ended),
                    sys.executable,
                    [
                        *(sys.executable, "-P", "-m", "tiercache.workers"),
                        *map(str, (self.number, self.board.places, len(self.sockets))),
                    ],
                    env=None,
                    childFDs={
                        0: nothing.fileno(),
                        1: "r",
                        2: "r",
                        CONTROL: theirs.fileno(),
                        BOARD: self.board.number,
                        **{FIRST_SOCKET + at: one.fileno() for at, one in enumerate(self.sockets)},
                    },
                )
            except OSError as error:
                self._process = None
                self._again(f"cannot be started: {error}")
                return
            self._reactor.adoptStreamConnection(ours.fileno(), ours.family, _factory_of(line))
        line.say(self._begin)
        watch.begin()

    def _hangs(self) -> None:
        if self._process is not None:
            log.warn("{worker} hangs, and is killed", worker=self.name)
            self._kill()

    def _desk_went(self, desk: Desk) -> None:
        if desk is self._desk and self._process is not None and not self._is_closed:
            self._kill()  # what does not listen to the node is of no use

    def _kill(self) -> None:
        with suppress(ProcessExitedAlready):
            self._process.signalProcess("KILL")

    def _ended(self, reason: Failure) -> None:
        self._process = None
        self._look_away()
        self.board.forget(self.number)
        if self._is_closed:
            if self._empty is not None:
                self._empty()
            return
        self._again(f"has ended ({_told(reason)})")

    def _again(self, what: str) -> None:
        if self._reactor.seconds() - self._started_at >= LONG_S:
            self._deaths = 0
        self._deaths += 1
        pause = pause_s(self._deaths)
        log.warn("{worker} {what}, and is started again in {s:.0f} s", worker=self.name, what=what, s=pause)
        if not self._ports:
            for listening in self.sockets:
                self._open(listening)
        self._next = self._reactor.callLater(pause, self._start)

    # -- the end --------------------------------------------------------------------------------------------------

    def close(self, within_s: float, empty: Callable[[], None]) -> None:
        """Take no more connections; have the worker end; `empty` is called when there is none, perhaps at once."""
        self._is_closed = True
        self._look_away()  # whoever closes it says for how long it may take
        self._shut()
        for listening in self.sockets:
            listening.close()
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if self._process is None:
            empty()
            return
        self._empty = empty
        if self._desk is not None and self._desk.is_here:
            self._desk.leave()
            self._desk.line.say(End(within_s))
        else:
            self._kill()

    def _look_away(self) -> None:
        if self._watch is not None:
            self._watch.end()

    def kill(self) -> None:
        """It has had its time."""
        if self._process is not None:
            log.warn("{worker} did not end in time, and is killed", worker=self.name)
            self._kill()


def _factory_of(line: Line[FromWorker]) -> Factory:
    class _One(Factory):
        noisy = False

        def buildProtocol(self, addr: IAddress | None) -> Line[FromWorker]:
            return line

    return _One()


def _told(reason: Failure) -> str:
    if reason.check(ProcessDone):
        return "by itself"
    value: Any = reason.value
    return f"signal {value.signal}" if value.signal else f"status {value.exitCode}"
