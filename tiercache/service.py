"""A node as a service: opens its edges in order (sockets, store, tiers), and closes them in the reverse order.

What stands between the edges is put together in `tiercache.node`, the file to read first; who starts the service is
`tiercache.tap`.
"""

from __future__ import annotations

import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field
from OpenSSL import SSL
from twisted.application.service import Service
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.endpoints import SSL4ServerEndpoint, serverFromString
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from tiercache.access.warrants import Warrants
from tiercache.config import Config
from tiercache.config.addresses import Endpoint, OwnAddresses
from tiercache.errors import EndpointUnusable
from tiercache.interfaces import ICatalogue, IFiles, IIssuer, IPublishTarget, IUpstream, Pool
from tiercache.node import assemble
from tiercache.parts import Parts
from tiercache.prefetch.prefetching import PrefetchEdges
from tiercache.resolving.uv import UvResolver, clean_up, resolver_on
from tiercache.served import own_root_of, root_of
from tiercache.storage.announcement import announce
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.inotify import FolderWatch
from tiercache.storage.lock import StoreLock
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.storage.node_id import node_id_of
from tiercache.storage.rebuild import is_lost, rebuild
from tiercache.storage.settled import settled
from tiercache.storage.threads import ReactorThreads, on_the_spot
from tiercache.upstream.configured import publish_target_of, upstream_of
from tiercache.upstream.documents import documents_of
from tiercache.upstream.issuer import issuer_at
from tiercache.web.certificates import Certificates
from tiercache.web.limits import limits_of
from tiercache.web.server import NodeSite
from tiercache.web.site import site

if TYPE_CHECKING:  # loaded where there are workers
    from tiercache.workers.crew import Crew

log = Logger()

TIDY_EVERY_S = 60.0
"""How often the janitor goes round by itself."""

THREADS = 8
"""How many threads read, write and hash files."""

GATHERED_S = 0.03
"""For how long what tiers said gathers before it is written down; nobody waits for that."""


def build_node(config: Config, *, reactor: Any, environ: Mapping[str, str]) -> Node:
    """The service of a whole node.  It opens its store and listens when it starts, after a daemon has forked."""
    return Node(config=config, reactor=reactor, environ=environ)


@define(kw_only=True, eq=False, slots=False)
class Node(Service):
    """A node as twistd runs it: opens its edges in order, and closes them in the reverse order.

    Starting raises StoreInUse, StoreUnusable, or CannotListenError.
    """

    _config: Config
    _reactor: Any
    _environ: Mapping[str, str]
    _undo: list[Callable[[], object]] = field(factory=list, init=False)
    _ports: list[IListeningPort] = field(factory=list, init=False)
    _crew: Crew | None = field(default=None, init=False)
    _not_ready: str | None = field(default="starting", init=False)
    _parts: Parts = field(init=False)
    _tidying: LoopingCall = field(init=False)
    _site: NodeSite = field(init=False)

    @_site.default
    def _without_a_resource_yet(self) -> NodeSite:
        return site(Resource(), self._reactor, limits_of(self._config))

    @property
    def parts(self) -> Parts:
        """What the node is made of; once it has started."""
        return self._parts

    def privilegedStartService(self) -> None:  # noqa: N802  # twisted's name
        """Listen, while the process may still have the rights that a low port needs; nobody is answered yet."""
        super().privilegedStartService()  # type: ignore[no-untyped-call]  # twisted has no types here
        self._or_undo(self._listen)

    def startService(self) -> None:  # noqa: N802  # twisted's name
        """Open the store, as the user that the process runs as from now on, and serve."""
        super().startService()  # type: ignore[no-untyped-call]  # twisted has no types here
        if not self._ports:
            self._or_undo(self._listen)
        self._or_undo(self._open)
        self._tidying.start(TIDY_EVERY_S, now=False)
        self._parts.following.start()
        self._parts.dropped.start()
        self._parts.prefetching.start()
        self._not_ready = None

    def stopService(self) -> Deferred[None]:  # noqa: N802  # twisted's name
        """Let what is under way end, for as long as the configuration allows; then close everything."""
        super().stopService()  # type: ignore[no-untyped-call]  # twisted has no types here
        return ensureDeferred(self._stop())

    def _or_undo(self, act: Callable[[], None]) -> None:
        try:
            act()
        except BaseException:
            while self._undo:
                self._undo.pop()()
            raise

    def _listen(self) -> None:
        if self._config.node.workers > 1:
            from tiercache.workers.crew import crew_of

            self._crew = crew_of(self._config, self._site, self._reactor)
        for endpoint in self._config.node.listen:
            port = self._port(endpoint)
            self._ports.append(port)
            self._undo.append(port.stopListening)

    def _port(self, endpoint: str) -> IListeningPort:
        if self._crew is not None and self._crew.takes(parsed := Endpoint.parse(endpoint)):
            return self._crew.listen(parsed)
        return listening_port(self._reactor, endpoint, self._site)

    def _open(self) -> None:
        pool = ReactorThreads.several(self._reactor, name="files", most=THREADS)
        writer = ReactorThreads.single(self._reactor, name="catalogue")
        for threads in (pool, writer):
            threads.start()
            self._undo.append(threads.stop)
        files, catalogue = self._open_store(writer)
        node_id = node_id_of(catalogue, lambda: secrets.token_hex(8))
        warrants = Warrants(secret=partial(secrets.token_urlsafe, 32))
        own_site = site(Resource(), self._reactor, limits_of(self._config))
        self._parts = assemble(
            self._config,
            files=files,
            catalogue=catalogue,
            upstreams=self._upstreams(pool, node_id),
            issuers=self._issuers(pool),
            clock=self._reactor,
            now=time.time,
            pool=pool,
            node_id=node_id,
            jitter=random.random,
            publish_targets=self._publish_targets(pool, node_id),
            watch=partial(FolderWatch, self._reactor),
            prefetch_edges=PrefetchEdges(
                resolver=self._resolver(own_site, warrants, pool),
                documents=documents_of(reactor=self._reactor, pool=pool, now=time.time, environ=self._environ)
                if self._config.prefetch.keep_warm
                else None,
            ),
        )
        self._tidying = LoopingCall(lambda: ensureDeferred(self._parts.janitor.tidy()))
        self._tidying.clock = self._reactor
        token = secrets.token_urlsafe(32)
        self._site.serve(
            root_of(
                self._config,
                self._parts,
                clock=self._reactor,
                pool=pool,
                token=token,
                not_ready=lambda: self._not_ready,
                node_id=node_id,
                warrants=warrants,
            )
        )
        own_site.resource = own_root_of(
            self._config, self._parts, self._site.resource, clock=self._reactor, pool=pool, warrants=warrants
        )
        if self._crew is not None and self._site.hot is not None and isinstance(files, FolderFiles):
            self._crew.start(
                self._config,
                hot=self._site.hot,
                at_hand=self._parts.at_hand,
                knowledge=self._parts.knowledge,
                path_of=files.path_of,
                node_id=node_id,
            )
        if not self._is_in_memory:
            path = announce(self._folder, urls=filter(None, map(url_of, self._ports)), token=token)
            self._undo.append(lambda: path.unlink(missing_ok=True))

    @property
    def _is_in_memory(self) -> bool:
        store = self._config.store
        return store.files == "memory" and store.catalogue == "memory"

    @property
    def _folder(self) -> Path:
        return Path(self._config.store.path).expanduser()

    def _open_store(self, writer: Pool) -> tuple[IFiles, ICatalogue]:
        store = self._config.store
        folder = self._folder
        files: IFiles = MemoryFiles()
        catalogue: ICatalogue = MemoryCatalogue()
        if self._is_in_memory:
            return files, catalogue
        lock = StoreLock(folder)
        lock.acquire()
        self._undo.append(lock.release)
        if store.files != "memory":
            files = FolderFiles.at(folder)
            left_over = files.clean_up()
            if left_over:
                log.info("removed {left_over} files that an interrupted fill left", left_over=left_over)
        if store.catalogue != "memory":
            self._rebuild_if_lost(folder, files)
            catalogue = SqlCatalogue.open(
                folder / "catalogue.sqlite",
                writer=writer,
                pause=lambda: deferLater(self._reactor, GATHERED_S, _nothing),
            )
            self._undo.append(lambda: ensureDeferred(catalogue.close()))
        return files, catalogue

    def _resolver(self, own_site: NodeSite, warrants: Warrants, pool: Pool) -> UvResolver:
        """What resolves for prefetches, by what this node shows on a port of its own while it does."""
        folder = None if self._is_in_memory else str(self._folder / "resolving")
        if folder is not None:
            clean_up(folder)
        resolver = resolver_on(
            self._reactor, own_site, warrants=warrants, folder=folder, pool=pool, path=self._environ.get("PATH")
        )
        self._undo.append(lambda: ensureDeferred(resolver.stop()))
        return resolver

    def _rebuild_if_lost(self, folder: Path, files: IFiles) -> None:
        """Private names that a lost catalogue has forgotten would be asked of every tier, so first of all."""
        catalogue = SqlCatalogue.open(folder / "catalogue.sqlite", writer=on_the_spot)
        try:
            if is_lost(files, catalogue):
                log.warn("the catalogue is new, the store is not: what is hosted here is made anew of its records")
                rebuild(files, catalogue, now=time.time(), report=lambda flaw: log.warn("{flaw}", flaw=flaw))
        finally:
            settled(catalogue.close())

    def _upstreams(self, pool: Pool, node_id: str) -> list[IUpstream]:
        """The tiers in order."""
        own = OwnAddresses(
            listen=self._config.node.listen, public_url=self._config.node.public_url, hostname=socket.gethostname()
        )
        return [
            upstream_of(
                tier, own_addresses=own, reactor=self._reactor, pool=pool, environ=self._environ, node_id=node_id
            )
            for tier in self._config.tiers
        ]

    def _publish_targets(self, pool: Pool, node_id: str) -> list[IPublishTarget]:
        """Those of the tiers of which it is known where they take uploads."""
        targets = [
            publish_target_of(tier, reactor=self._reactor, pool=pool, environ=self._environ, node_id=node_id)
            for tier in self._config.tiers
        ]
        return [target for target in targets if target is not None]

    def _issuers(self, pool: Pool) -> list[IIssuer]:
        """Those whose identity tokens trusted publishers show; each is trusted by what is said first of how."""
        bundles: dict[str, str | None] = {}
        for one in self._config.access.trusted_publishers:
            bundles[one.issuer] = bundles.get(one.issuer) or one.ca
        return [
            issuer_at(url, ca=ca, reactor=self._reactor, pool=pool, now=time.time, environ=self._environ)
            for url, ca in bundles.items()
        ]

    async def _stop(self) -> None:
        self._not_ready = "stopping"
        deadline_s = self._config.node.stop_timeout_s
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        workers_end = None if self._crew is None else Deferred.fromCoroutine(self._crew.stop(deadline_s))
        begun_at = self._reactor.seconds()
        cut = await self._site.drain(deadline_s)
        if workers_end is not None:
            await workers_end
            cut += await self._site.drain(max(0.0, begun_at + deadline_s - self._reactor.seconds()))
        if cut:
            log.warn("{cut} downloads were cut: they did not end within {s} s", cut=cut, s=deadline_s)
        await self._parts.prefetching.stop()
        await self._parts.dropped.stop()
        await self._parts.following.stop()
        if self._parts.read_ahead is not None:
            self._parts.read_ahead.stop()
        self._parts.about.stop()
        self._parts.chain.stop()
        await self._parts.files.stop()
        if self._tidying.running:
            self._tidying.stop()
        await self._parts.janitor.tidy()
        while self._undo:
            await maybeDeferred(self._undo.pop())


def _nothing() -> None:
    return None


def listening_port(reactor: Any, endpoint: str, factory: NodeSite) -> IListeningPort:
    """A port that listens at an endpoint (its description, as twisted has it).

    Raises CannotListenError, EndpointUnusable.
    """
    outcome: list[Any] = []
    try:
        _server(reactor, endpoint).listen(factory).addBoth(outcome.append)
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
    except (LookupError, ValueError, OSError, SSL.Error) as error:
        raise EndpointUnusable(endpoint=endpoint, reason=str(error) or type(error).__name__) from error
    port: IListeningPort = outcome[0]
    return port


def _server(reactor: Any, endpoint: str) -> IStreamServerEndpoint:
    """The endpoint of a description; one that speaks TLS has our certificates, which may be renewed."""
    parsed = Endpoint.parse(endpoint)
    if parsed.tls is None:
        server: IStreamServerEndpoint = serverFromString(reactor, endpoint)
        return server
    certificates = Certificates.at(parsed.tls)
    return SSL4ServerEndpoint(reactor, parsed.port, certificates, parsed.backlog, parsed.interface or "")


def url_of(port: IListeningPort) -> str | None:
    """Where this machine's own programs reach a listening port; None for what is no TCP port, or speaks TLS.

    A certificate is for the name by which others know the node: over loopback nobody could check it.
    """
    address = port.getHost()
    if not isinstance(address, IPv4Address | IPv6Address) or isinstance(
        getattr(port, "factory", None), TLSMemoryBIOFactory
    ):
        return None
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104  # read, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{address.port}/"
