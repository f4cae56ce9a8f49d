"""What a node serves: the root of its site, from its parts (`tiercache.node`)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from tiercache import __version__
from tiercache.access.warrants import Warrants
from tiercache.config import Config
from tiercache.config.accounts import permissions_of, trusted_proxies_of
from tiercache.interfaces import Pool
from tiercache.parts import Parts
from tiercache.prefetch.sdist_metadata import SdistMetadata
from tiercache.prefetch.turns import Turns
from tiercache.web.forward import routes_to
from tiercache.web.limits import limits_of
from tiercache.web.managing import managing_routes
from tiercache.web.prefetching import prefetch_routes
from tiercache.web.respond import Responder
from tiercache.web.sdists import SdistPages
from tiercache.web.site import ForNodes, Presence, root
from tiercache.web.users import configured_accounts
from tiercache.web.warranted import Warranted


def root_of(
    config: Config,
    parts: Parts,
    *,
    clock: IReactorTime,
    pool: Pool,
    token: str,
    not_ready: Callable[[], str | None],
    node_id: str | None = None,
    warrants: Warrants | None = None,
) -> IResource:
    """The root resource of a node's site; `warrants`: for whom the programs read that the node itself runs."""
    return root(
        presence=Presence(
            node_name=config.node.name,
            version=__version__,
            control_token=token,
            node_id=node_id,
            public_url=config.node.public_url,
            client_max_age_s=config.freshness.client_max_age_s,
        ),
        limits=limits_of(config),
        clock=clock,
        pool=pool,
        pages=parts.pages,
        files=parts.files,
        sidecars=parts.sidecars,
        switch=parts.switch,
        reserved=parts.reserved,
        publish=routes_to(config.publish, parts.publisher, parts.forwarding, files=parts.stored_files, pool=pool),
        manage=managing_routes(
            hosted=parts.hosted, deleted=parts.deleted, promoter=parts.promoter, catalogue=parts.catalogue
        ),
        permissions=permissions_of(config.access),
        accounts=configured_accounts(config.access),
        tokens=parts.tokens,
        trusted_proxies=trusted_proxies_of(config.access),
        for_nodes=ForNodes(
            journal=parts.journal,
            about=parts.about.state,
            reserved=parts.reserved.announced,
            sidecars=parts.newest_sidecars,
            next_sidecars=parts.next_sidecars,
        ),
        mint=parts.mint,
        read_ahead=parts.read_ahead,
        prefetch=prefetch_routes(
            parts.prefetching.jobs,
            pages=parts.pages,
            clock=clock,
            pool=pool,
            write_timeout_s=limits_of(config).write_timeout_s,
        ),
        warrants=warrants,
        not_ready=not_ready,
        at_hand=parts.at_hand,
    )


def own_root_of(
    config: Config, parts: Parts, root: IResource, *, clock: IReactorTime, pool: Pool, warrants: Warrants
) -> IResource:
    """The root resource of the site where the programs read that the node itself runs; `root` is that of its own."""
    sdists = SdistPages(
        pages=parts.pages,
        metadata=SdistMetadata(files=parts.files, stored_files=parts.stored_files, pool=pool),
        permissions=permissions_of(config.access),
        warrants=warrants,
    )
    responder = Responder(clock=clock, node_name=config.node.name, write_timeout_s=limits_of(config).write_timeout_s)
    return Warranted(root=root, sdists=sdists.resource(responder), warrants=warrants, turns=Turns(clock=clock))
