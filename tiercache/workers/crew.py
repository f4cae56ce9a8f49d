"""The workers of a node: as many as it is configured to have, at one address, until it stops."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from attrs import asdict, define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IReactorProcess, IReactorSocket
from twisted.logger import Logger

from tiercache.cache.knowledge import Knowledge
from tiercache.config import Config
from tiercache.config.accounts import trusted_proxies_of
from tiercache.config.addresses import Endpoint
from tiercache.web.hot.path import HotPath
from tiercache.web.limits import Limits
from tiercache.web.server import NodeSite
from tiercache.web.standing import IAtHand
from tiercache.workers.board import Board
from tiercache.workers.channels import HomingChannel
from tiercache.workers.desk import Disclosed
from tiercache.workers.messages import Begin
from tiercache.workers.place import Place
from tiercache.workers.sockets import listening_sockets

GRACE_S = 2.0
"""Beyond the time that a worker has for its end."""

READY_BYTES = 24 * 1024 * 1024
"""What each worker keeps ready, at most."""

log = Logger()


def obstacle(config: Config, reactor: object, *, can_share: bool, can_send: bool) -> str | None:
    """Why a node is one process, whatever it is configured to be; None where nothing is in the way of workers.

    `can_share`: whether sockets of this system share an address (SO_REUSEPORT); `can_send`: whether files leave it by
    `sendfile`.
    """
    if config.store.files == "memory":
        return "its files are in memory, where no other process sees them"
    if not any(map(Crew.takes, map(Endpoint.parse, config.node.listen))):
        return "none of its endpoints is tcp"
    if not can_share:
        return "this system has no SO_REUSEPORT"
    if not can_send:
        return "this system has no sendfile"
    if not (IReactorProcess.providedBy(reactor) and IReactorSocket.providedBy(reactor)):
        return "this reactor starts no processes, or adopts no sockets"
    return None


def crew_of(config: Config, site: NodeSite, reactor: Any) -> Crew | None:
    """The workers of a node; None where it has none, which is logged if that is not as configured."""
    if config.node.workers <= 1:
        return None
    hindrance = obstacle(config, reactor, can_share=hasattr(socket, "SO_REUSEPORT"), can_send=hasattr(os, "sendfile"))
    if hindrance is not None:
        log.warn("the node runs as one process, and not with workers: {why}", why=hindrance)
        return None
    return Crew.of(config.node.workers, site, reactor)


def begin_of(config: Config, limits: Limits, *, node_id: str | None) -> Begin:
    """What the workers of a node have to know of it."""
    return Begin(
        node_name=config.node.name,
        node_id=node_id,
        public_url=config.node.public_url,
        trusted_proxies=[str(network) for network in trusted_proxies_of(config.access)],
        client_max_age_s=config.freshness.client_max_age_s,
        ready_bytes=READY_BYTES,
        limits=asdict(limits),
    )


@define(kw_only=True, eq=False)
class Crew:
    """`listen`, then `start`, at last `stop`."""

    _site: NodeSite
    _board: Board
    _places: list[Place]
    _reactor: Any
    _left: int = field(default=0, init=False)

    @classmethod
    def of(cls, workers: int, site: NodeSite, reactor: Any) -> Crew:
        """So many, for this site, whose connections go to them."""
        board = Board.made(workers)
        site.protocol = HomingChannel
        site.count, site.elsewhere = board.count, board.elsewhere
        places = [Place(number=at + 1, site=site, board=board, reactor=reactor) for at in range(workers)]
        return cls(site=site, board=board, places=places, reactor=reactor)

    @staticmethod
    def takes(endpoint: Endpoint) -> bool:
        """Whether connections to an endpoint go to workers; the others are the node's own."""
        return endpoint.kind == "tcp"

    def listen(self, endpoint: Endpoint) -> IListeningPort:
        """Listen at an endpoint: one of its ports.  Raises CannotListenError."""
        sockets = listening_sockets(endpoint, len(self._places))
        ports = [place.listen(listening) for place, listening in zip(self._places, sockets, strict=True)]
        return ports[0]

    def start(
        self,
        config: Config,
        *,
        hot: HotPath,
        at_hand: IAtHand,
        knowledge: Knowledge,
        path_of: Callable[[str], str],
        node_id: str | None,
    ) -> None:
        """Start the processes; until they have begun the node takes the connections."""
        knowledge.move_to(self._board.known)
        begin = begin_of(config, self._site.limits, node_id=node_id)
        for place in self._places:
            place.start(begin, Disclosed(hot=hot, at_hand=at_hand, path_of=path_of))

    async def stop(self, within_s: float) -> None:
        """Take no more connections, and wait for the end of every worker, which has so many seconds."""
        gone: Deferred[None] = Deferred()
        self._left = len(self._places)

        def one_less() -> None:
            self._left -= 1
            if self._left == 0:
                gone.callback(None)

        late = self._reactor.callLater(within_s + GRACE_S, self._kill)
        for place in self._places:
            place.close(within_s, one_less)
        await gone
        if late.active():
            late.cancel()
        self._board.close()

    def _kill(self) -> None:
        for place in self._places:
            place.kill()
