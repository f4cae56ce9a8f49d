"""A worker and its node in one process: a line that is memory, and connections that go over it as their transports."""

# ruff: noqa: N802  # the names of Twisted's transports

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.doubles.outlet import MemoryOutlets
from tests.doubles.wire import Connection, Transport, Wire
from tiercache.config import Config
from tiercache.parts import Parts
from tiercache.web.server import NodeSite
from tiercache.workers.board import Board
from tiercache.workers.channels import HomingChannel
from tiercache.workers.crew import begin_of
from tiercache.workers.desk import Desk, Disclosed
from tiercache.workers.line import Line
from tiercache.workers.messages import from_node, from_worker
from tiercache.workers.worker import Worker


@define(eq=False)
class UnderWay:
    """What arrives one after the other, as on sockets: nothing while something else is being heard."""

    arriving: deque[Callable[[], None]] = field(factory=deque)
    is_heard: bool = False

    def add(self, arrives: Callable[[], None]) -> None:
        self.arriving.append(arrives)
        if self.is_heard:
            return
        self.is_heard = True
        try:
            while self.arriving:
                self.arriving.popleft()()
        finally:
            self.is_heard = False


@define(eq=False)
class PipeEnd:
    """What one end of a line writes to; with `is_held` it arrives when it is let go."""

    under_way: UnderWay
    here: Line[Any]
    there: Line[Any] | None = None
    transports: dict[int, Transport] = field(factory=dict)
    is_held: bool = False
    held: list[Callable[[], None]] = field(factory=list)
    written: bytes = b""
    is_over: bool = False

    def write(self, data: bytes) -> None:
        self.written += data
        self._do(lambda: self.there.dataReceived(data))

    def sendFileDescriptor(self, number: int) -> None:
        copy = os.dup(number)
        self.transports[copy] = self.transports.pop(number)
        self._do(lambda: self.there.fileDescriptorReceived(copy))

    def registerProducer(self, producer: object, streaming: bool) -> None:
        pass

    def loseWriteConnection(self) -> None:
        self._do(self.abortConnection)

    def abortConnection(self) -> None:
        for line in (self.here, self.there):
            if line.is_open:
                line.connectionLost(Failure(ConnectionDone()))

    def release(self) -> None:
        self.is_held = False
        while self.held:
            self.under_way.add(self.held.pop(0))

    def _do(self, act: Callable[[], None]) -> None:
        if self.is_held:
            self.held.append(act)
        else:
            self.under_way.add(act)


@define(kw_only=True, eq=False)
class JoinedWorker:
    """One worker of a node whose site is `site`; connect to it with `wire`."""

    config: Config
    parts: Parts
    site: NodeSite
    clock: Clock
    outlets: MemoryOutlets
    path_of: Callable[[str], str]
    transports: dict[int, Transport] = field(factory=dict)
    wire: Wire = field(init=False)
    worker: Worker = field(init=False)
    desk: Desk = field(init=False)
    to_node: PipeEnd = field(init=False)
    to_worker: PipeEnd = field(init=False)
    board: Board = field(init=False)
    has_ended: bool = False
    spoke_at: list[float] = field(factory=list)
    moved: int = 0
    returned: int = 0

    def __attrs_post_init__(self) -> None:
        self.site.protocol = HomingChannel
        self.board = Board.made(1)
        self.site.count, self.site.elsewhere = self.board.count, self.board.elsewhere
        self.parts.knowledge.move_to(self.board.known)
        nodes, workers = Line(from_worker), Line(from_node)
        under_way = UnderWay()
        self.to_node = PipeEnd(under_way, workers, nodes, self.transports)
        self.to_worker = PipeEnd(under_way, nodes, workers, self.transports)
        self.desk = nodes.listener = Desk(
            name="worker 1",
            line=nodes,
            disclosed=Disclosed(hot=self.site.hot, at_hand=self.parts.at_hand, path_of=self.path_of),
            adopt=self._to_node,
            channel=self._node_channel,
            came_in=lambda: None,
            went=lambda: None,
            spoke=lambda: self.spoke_at.append(self.clock.seconds()),
        )
        self.worker = workers.listener = Worker(
            line=workers,
            board=Board(os.dup(self.board.number), self.board.places, 1),
            clock=self.clock,
            now=self.parts.at_hand.now,
            listen=lambda factory: (),
            adopt=self._to_worker,
            ended=self._ended,
        )
        workers.makeConnection(self.to_node)
        nodes.makeConnection(self.to_worker)
        nodes.say(begin_of(self.config, self.site.limits, node_id="here"))
        site = self.worker.site
        site.hot.outlet_of = self.outlets.of
        made = site.channel
        site.channel = lambda address: self._in_memory(made(address))
        self.wire = Wire(self.clock, site)

    def _ended(self) -> None:
        self.has_ended = True

    def _in_memory(self, channel: Any) -> Any:
        channel.detach = self._detach
        return channel

    def _node_channel(self, address: Any) -> HomingChannel:
        channel = self._in_memory(self.site.channel(address))
        channel.home = self.desk
        return channel

    def _detach(self, transport: Transport) -> int:
        number = os.open(os.devnull, os.O_RDONLY)
        self.transports[number] = transport
        self.clock.callLater(0, transport.protocol.connectionLost, Failure(ConnectionDone()))
        return number

    def _to_node(self, number: int, data: bytes, made: Callable[[Any], Any]) -> None:
        self.moved += 1
        self._adopt(number, data, made)

    def _to_worker(self, number: int, data: bytes, made: Callable[[Any], Any]) -> None:
        self.returned += 1
        self._adopt(number, data, made)

    def _adopt(self, number: int, data: bytes, made: Callable[[Any], Any]) -> None:
        os.close(number)
        transport = self.transports.pop(number)
        channel = made(transport.getPeer())
        for connection in self.wire.connections:
            if connection.transport is transport:
                connection.protocol = channel
        transport.protocol = channel
        channel.makeConnection(transport)
        if data:
            channel.dataReceived(data)

    def connect(self) -> Connection:
        """A client's connection to the worker."""
        connection = self.wire.connect()
        assert connection is not None
        return connection
