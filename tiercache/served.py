"""What a node serves: the root of its site, from its parts (`tiercache.node`)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from tiercache import __version__
from tiercache.config import Config
from tiercache.config.accounts import permissions_of, trusted_proxies_of
from tiercache.interfaces import Pool
from tiercache.node import Parts
from tiercache.web.forward import routes_to
from tiercache.web.limits import limits_of
from tiercache.web.managing import managing_routes
from tiercache.web.site import ForNodes, Presence, root
from tiercache.web.users import configured_accounts


def root_of(
    config: Config,
    parts: Parts,
    *,
    clock: IReactorTime,
    pool: Pool,
    token: str,
    not_ready: Callable[[], str | None],
    node_id: str | None = None,
) -> IResource:
    """The root resource of a node's site."""
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
        ),
        mint=parts.mint,
        not_ready=not_ready,
        at_hand=parts.at_hand,
    )
