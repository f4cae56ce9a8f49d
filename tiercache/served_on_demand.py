"""What a node serves on demand: the routes beside those of pages and files, and the site of its own programs.

Loaded when the first request is for one of them, or the first prefetch resolves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from tiercache.access.warrants import Warrants
from tiercache.cache.share import Share
from tiercache.config import Config
from tiercache.config.accounts import permissions_of
from tiercache.interfaces import Pool
from tiercache.parts import Parts
from tiercache.prefetch.jobs import Jobs
from tiercache.prefetch.prefetching import PrefetchEdges
from tiercache.prefetch.sdist_metadata import SdistMetadata
from tiercache.prefetch.turns import Turns
from tiercache.resolving.uv import resolver_on
from tiercache.upstream.documents import documents_of
from tiercache.web.forward import routes_to
from tiercache.web.limits import limits_of
from tiercache.web.managing import managing_routes
from tiercache.web.on_demand import OnDemand
from tiercache.web.prefetching import prefetch_routes
from tiercache.web.respond import Responder
from tiercache.web.sdists import SdistPages
from tiercache.web.server import NodeSite
from tiercache.web.site import Presence
from tiercache.web.warranted import Warranted


def on_demand_of(
    config: Config, parts: Parts, presence: Presence, *, clock: IReactorTime, pool: Pool, jobs: Jobs
) -> OnDemand:
    """What a node's other routes are about."""
    return OnDemand(
        presence=presence,
        pool=pool,
        pages=parts.pages,
        sidecars=parts.sidecars,
        switch=parts.switch,
        reserved=parts.reserved,
        tokens=parts.tokens,
        mint=parts.mint,
        publish=routes_to(config.publish, parts.publisher, parts.forwarding, files=parts.stored_files, pool=pool),
        manage=managing_routes(
            hosted=parts.hosted, deleted=parts.deleted, promoter=parts.promoter, catalogue=parts.catalogue
        ),
        prefetch=prefetch_routes(
            jobs, pages=parts.pages, clock=clock, pool=pool, write_timeout_s=limits_of(config).write_timeout_s
        ),
    )


def own_root_of(
    config: Config,
    parts: Parts,
    root: IResource,
    *,
    clock: IReactorTime,
    pool: Pool,
    warrants: Warrants,
    share: Share | None = None,
) -> IResource:
    """The root resource of the site where the programs read that the node itself runs; `root` is that of its own.

    `share`: what they have of the reactor's turns; None: one request of each.
    """
    sdists = SdistPages(
        pages=parts.pages,
        metadata=SdistMetadata(files=parts.files, stored_files=parts.stored_files, pool=pool),
        permissions=permissions_of(config.access),
        warrants=warrants,
    )
    responder = Responder(clock=clock, node_name=config.node.name, write_timeout_s=limits_of(config).write_timeout_s)
    return Warranted(root=root, sdists=sdists.resource(responder), warrants=warrants, turns=share or Turns(clock=clock))


def prefetch_edges_of(
    config: Config,
    reactor: Any,
    site: NodeSite,
    *,
    warrants: Warrants,
    folder: Path | None,
    pool: Pool,
    environ: Mapping[str, str],
) -> tuple[PrefetchEdges, Callable[[], Coroutine[Any, Any, None]]]:
    """What prefetches need of the world, and what stops it.  `site`: where the resolver reads; `folder`: where it runs.

    Raises ConfigInvalid.
    """
    resolver = resolver_on(
        reactor,
        site,
        warrants=warrants,
        folder=None if folder is None else str(folder),
        pool=pool,
        path=environ.get("PATH"),
    )
    documents = None
    if config.prefetch.keep_warm:
        documents = documents_of(reactor=reactor, pool=pool, now=time.time, environ=environ)
    return PrefetchEdges(resolver=resolver, documents=documents), resolver.stop
