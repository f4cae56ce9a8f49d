"""A worker: its connections, what it was told to be ready, and what it tells its node."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from ipaddress import ip_network
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IReactorTime
from twisted.logger import Logger
from twisted.web.resource import Resource

from tiercache.cache.knowledge import Knowledge
from tiercache.web.asker import Asker
from tiercache.web.client import Clients
from tiercache.web.hot.descriptors import Descriptors
from tiercache.web.hot.heads import Heads
from tiercache.web.hot.path import HotPath
from tiercache.web.hot.ready import Ready
from tiercache.web.limits import Limits
from tiercache.web.server import NodeSite
from tiercache.workers.arriving import Adopt
from tiercache.workers.board import Board
from tiercache.workers.channels import Question, WorkerChannel
from tiercache.workers.line import Line
from tiercache.workers.messages import Alive, Ask, Begin, End, FromNode, Give, Here
from tiercache.workers.told import Tally, ToldStanding
from tiercache.workers.watch import ALIVE_EVERY_S

TOLD_EVERY_S = 0.1
"""For so long what was answered gathers before the node is told."""

log = Logger()


class WorkerSite(NodeSite):
    """The connections of a worker."""

    protocol = WorkerChannel

    def __init__(self, worker: Worker, limits: Limits) -> None:
        super().__init__(Resource(), worker.clock, limits)
        self._worker = worker

    def ask(self, question: Question, asker: Asker, channel: WorkerChannel) -> None:
        """See `IWorkerSite`."""
        self._worker.ask(question, asker, channel)

    def pass_on(self, connection: int, data: bytes) -> None:
        """See `IWorkerSite`."""
        self._worker.line.pass_on(connection, data)


@define(kw_only=True, eq=False)
class Worker:
    """Listens to its node.  `listen`: begins to take connections, by a factory; `ended`: called when all has ended.

    `now`: seconds since 1970.
    """

    line: Line[FromNode]
    board: Board
    clock: IReactorTime
    _now: Callable[[], float]
    _listen: Callable[[Any], Sequence[IListeningPort]]
    _adopt: Adopt
    _ended: Callable[[], None]
    site: WorkerSite | None = field(default=None, init=False)
    _ready: Ready | None = field(default=None, init=False)
    _ports: Sequence[IListeningPort] = field(default=(), init=False)
    _asking: dict[Question, list[WorkerChannel]] = field(factory=dict, init=False)
    _tally: Tally = field(init=False)
    _knowledge: Knowledge = field(init=False)
    _telling: IDelayedCall | None = field(default=None, init=False)
    _living: IDelayedCall | None = field(default=None, init=False)
    _client_max_age_s: float = field(default=0.0, init=False)
    _is_ending: bool = field(default=False, init=False)

    @_tally.default
    def _that_is_told(self) -> Tally:
        return Tally(begun=self._tell_soon, now=self._now)

    @_knowledge.default
    def _that_the_node_writes(self) -> Knowledge:
        return Knowledge(self.board.known)

    # -- what the node says -----------------------------------------------------------------------------------

    def heard(self, message: FromNode) -> None:
        """See `IListener`."""
        match message:
            case Begin():
                self._begin(message)
            case Give():
                self._given(message)
            case End():
                Deferred.fromCoroutine(self._end(message.within_s)).addErrback(
                    lambda failure: log.failure("a worker's end", failure)
                )

    def came(self, connection: int, data: bytes) -> None:
        """See `IListener`: it has asked for what is ready."""
        site = self.site
        if site is None or self._is_ending:
            os.close(connection)
            return
        self._adopt(connection, data, site.channel)

    def gone(self) -> None:
        """See `IListener`: without its node a worker has nothing to answer."""
        if self._living is not None and self._living.active():
            self._living.cancel()
        self._ended()

    def _begin(self, begin: Begin) -> None:
        clients = Clients(
            trusted=tuple(ip_network(network) for network in begin.trusted_proxies), public_url=begin.public_url
        )
        limits = Limits(**begin.limits)  # type: ignore[arg-type]  # its own fields
        self._client_max_age_s = begin.client_max_age_s
        self._ready = Ready(
            node_name=begin.node_name,
            version=self._knowledge.version,
            stamp=lambda: 0,  # it knows of no store
            now=self._now,
            client_max_age_s=begin.client_max_age_s,
            limit_bytes=begin.ready_bytes,
        )
        self.site = WorkerSite(self, limits)
        self.site.count, self.site.elsewhere = self.board.count, self.board.elsewhere
        self.site.hot = HotPath(
            ready=self._ready,
            heads=Heads(node_id=begin.node_id, most_fields=limits.head_fields),
            descriptors=Descriptors(clock=self.clock),
            clock=self.clock,
            access_log=self._tally,
            clients=clients,
        )
        self._ports = self._listen(self.site)
        self.line.say(Here())
        self._live()

    def _live(self) -> None:
        self._living = self.clock.callLater(ALIVE_EVERY_S, self._live)
        self.line.say(Alive())

    # -- what is ready ----------------------------------------------------------------------------------------

    def ask(self, question: Question, asker: Asker, channel: WorkerChannel) -> None:
        """Ask the node, for all who want to know the same; it hears of the first of them."""
        waiting = self._asking.get(question)
        if waiting is not None:
            waiting.append(channel)
            return
        self._asking[question] = [channel]
        self.line.say(Ask(*question, asker))

    def _given(self, given: Give) -> None:
        if given.found is not None and self._ready is not None:
            standing = ToldStanding(
                found=given.found,
                tally=self._tally,
                version=self._knowledge.version,
                now=self._now,
                client_max_age_s=self._client_max_age_s,
            )
            self._ready.keep(given.target, standing)
        for channel in self._asking.pop((given.target, given.variant), ()):
            channel.told()

    # -- what the node is told --------------------------------------------------------------------------------

    def _tell_soon(self) -> None:
        if self._tally.is_full:
            self.tell()
        elif self._telling is None:
            self._telling = self.clock.callLater(TOLD_EVERY_S, self.tell)

    def tell(self) -> None:
        if self._telling is not None and self._telling.active():
            self._telling.cancel()
        self._telling = None
        told = self._tally.taken()
        if told is not None:
            self.line.say(told)

    # -- the end ----------------------------------------------------------------------------------------------

    async def _end(self, within_s: float) -> None:
        self._is_ending = True
        for port in self._ports:
            port.stopListening()
        if self.site is not None:
            cut = await self.site.drain(within_s)
            if cut:
                log.warn("{cut} downloads were cut: they did not end within {s} s", cut=cut, s=within_s)
        self.tell()
        self.line.close()
