"""A node as a service: opens its edges in order (sockets, store, tiers), and closes them in the reverse order.

What stands between the edges is put together in `tiercache.node`, the file to read first; who starts the service is
`tiercache.tap`.
"""

from __future__ import annotations

import random
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger
from twisted.web.resource import Resource

from tiercache.access.warrants import Warrants
from tiercache.config import Config
from tiercache.config.addresses import Endpoint, OwnAddresses
from tiercache.interfaces import ICatalogue, IFiles, IIssuer, IPublishTarget, IUpstream, Pool
from tiercache.node import assemble
from tiercache.parts import Parts
from tiercache.served import root_of
from tiercache.storage.announcement import announce
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.inotify import FolderWatch
from tiercache.storage.lock import StoreLock
from tiercache.storage.lost import is_lost
from tiercache.storage.node_id import node_id_of
from tiercache.storage.settled import settled
from tiercache.storage.threads import ReactorThreads, on_the_spot
from tiercache.upstream.configured import publish_target_of, upstream_of
from tiercache.web.limits import limits_of
from tiercache.web.listening import listening_port, url_of
from tiercache.web.server import NodeSite
from tiercache.web.site import site

if TYPE_CHECKING:
    from tiercache.prefetch.jobs import Jobs
    from tiercache.prefetch.prefetching import PrefetchEdges
    from tiercache.workers.crew import Crew  # loaded where there are workers

log = Logger()

TIDY_EVERY_S = 60.0
"""How often the janitor goes round by itself."""

THREADS = 8
"""How many threads read, write and hash files."""

NICER = 10
"""By so much they are nicer than the reactor's thread: on a core that is full, clients that need no work go first."""

RESOLVING = "resolving"
"""Where in the store's folder the resolver's runs have theirs."""

GO_ON_AFTER_S = 1.0
"""How long after its start a node goes on with prefetches that were not over, and loads what it can do without until
then: what answers clients at once is there before."""

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
    _prefetches: bool = field(default=False, init=False)
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
        if self._config.publish.directories:
            self._parts.dropped.start()
        if self._config.prefetch.keep_warm:
            self._jobs()
        else:
            self._later(self._go_on)
        self._later(self._get_ready)
        self._not_ready = None

    def _later(self, act: Callable[[], object]) -> None:
        """When what answers clients at once is there."""
        call = self._reactor.callLater(GO_ON_AFTER_S, act)
        self._undo.append(lambda: call.active() and call.cancel())

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
        pool = ReactorThreads.several(self._reactor, name="files", most=THREADS, nicer=NICER)
        writer = ReactorThreads.single(self._reactor, name="catalogue")
        for threads in (pool, writer):
            threads.start()
            self._undo.append(threads.stop)
        files, catalogue = self._open_store(writer)
        node_id = node_id_of(catalogue, lambda: secrets.token_hex(8))
        warrants = Warrants(secret=partial(secrets.token_urlsafe, 32))
        issuers = self._issuers(pool)
        self._parts = assemble(
            self._config,
            files=files,
            catalogue=catalogue,
            upstreams=self._upstreams(pool, node_id),
            issuers=lambda: issuers,
            clock=self._reactor,
            now=time.time,
            pool=pool,
            node_id=node_id,
            jitter=random.random,
            publish_targets=self._publish_targets(pool, node_id),
            watch=partial(FolderWatch, self._reactor),
            prefetch_edges=lambda: self._prefetch_edges(warrants, pool),
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
                jobs=self._jobs,
            )
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
        if not self._is_in_memory:
            lock = StoreLock(self._folder)
            lock.acquire()
            self._undo.append(lock.release)
            shutil.rmtree(self._folder / RESOLVING, ignore_errors=True)  # of runs that a killed node began
        files = self._open_files()
        return files, self._open_catalogue(files, writer)

    def _open_files(self) -> IFiles:
        if self._config.store.files == "memory":
            from tiercache.storage.memory_files import MemoryFiles  # which few nodes want

            return MemoryFiles()
        files = FolderFiles.at(self._folder)
        left_over = files.clean_up()
        if left_over:
            log.info("removed {left_over} files that an interrupted fill left", left_over=left_over)
        return files

    def _open_catalogue(self, files: IFiles, writer: Pool) -> ICatalogue:
        if self._config.store.catalogue == "memory":
            from tiercache.storage.memory import MemoryCatalogue  # as above

            return MemoryCatalogue()
        path = self._folder / "catalogue.sqlite"
        self._rebuild_if_lost(path, files)
        catalogue = SqlCatalogue.open(
            path,
            writer=writer,
            pause=lambda: deferLater(self._reactor, GATHERED_S, _nothing),
            seconds=self._reactor.seconds,
        )
        self._undo.append(lambda: ensureDeferred(catalogue.close()))
        return catalogue

    def _get_ready(self) -> Deferred[None]:
        """For requests of which the first is answered later than one for what is at hand."""
        getting_ready = Deferred.fromCoroutine(self._site.get_ready(self._parts.given.pool))
        return getting_ready.addErrback(lambda failure: log.failure("what answers requests was not loaded", failure))

    def _go_on(self) -> None:
        """With the prefetches that were not over when the node stopped, if there are any."""
        if self._parts.catalogue.kept_jobs.all():
            self._jobs()

    def _jobs(self) -> Jobs:
        """The prefetches, which are carried out from now on."""
        if not self._prefetches:
            self._prefetches = True
            self._parts.prefetching.start()
        return self._parts.prefetching.jobs

    def _prefetch_edges(self, warrants: Warrants, pool: Pool) -> PrefetchEdges:
        """What prefetches need of the world: what resolves, by what this node shows on a port of its own meanwhile."""
        from tiercache.served_on_demand import own_root_of, prefetch_edges_of  # with the resolver

        own_site = site(Resource(), self._reactor, limits_of(self._config))
        own_site.share = self._site.share
        own_site.resource = own_root_of(
            self._config,
            self._parts,
            self._site.resource,
            clock=self._reactor,
            pool=pool,
            warrants=warrants,
            share=self._site.share,
        )
        edges, stop = prefetch_edges_of(
            self._config,
            self._reactor,
            own_site,
            warrants=warrants,
            folder=None if self._is_in_memory else self._folder / RESOLVING,
            pool=pool,
            environ=self._environ,
        )
        self._undo.append(lambda: ensureDeferred(stop()))
        return edges

    def _rebuild_if_lost(self, path: Path, files: IFiles) -> None:
        """Private names that a lost catalogue has forgotten would be asked of every tier, so first of all."""
        catalogue = SqlCatalogue.open(path, writer=on_the_spot)
        try:
            if is_lost(files, catalogue):
                from tiercache.storage.rebuild import rebuild  # which hardly ever has to be done

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
                tier,
                own_addresses=own,
                reactor=self._reactor,
                pool=pool,
                environ=self._environ,
                node_id=node_id,
                share=self._site.share,
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
        if not self._config.access.trusted_publishers:
            return []
        from tiercache.upstream.issuer import issuer_at  # with all that verifies signatures

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
        if self._prefetches:
            await self._parts.prefetching.stop()
        if self._config.publish.directories:
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
