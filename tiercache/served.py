"""What a node serves: the root of its site, from its parts (`tiercache.node`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from tiercache import __version__
from tiercache.access.warrants import Warrants
from tiercache.config import Config
from tiercache.config.accounts import permissions_of, trusted_proxies_of
from tiercache.interfaces import Pool
from tiercache.loading import uncollected
from tiercache.parts import Parts
from tiercache.web.limits import limits_of
from tiercache.web.site import Presence, root
from tiercache.web.users import configured_accounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tiercache.access.tokens import IssuedToken
    from tiercache.prefetch.jobs import Jobs
    from tiercache.web.route import Route
    from tiercache.web.site import Shared


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
    jobs: Callable[[], Jobs] | None = None,
) -> IResource:
    """The root resource of a node's site; `warrants`: for whom the programs read that the node itself runs.

    `jobs` gives the prefetches, when the first request is for what is made on demand.
    """
    presence = Presence(
        node_name=config.node.name,
        version=__version__,
        control_token=token,
        node_id=node_id,
        public_url=config.node.public_url,
        client_max_age_s=config.freshness.client_max_age_s,
    )

    def for_nodes(shared: Shared) -> Sequence[Route]:
        from tiercache.served_for_nodes import for_nodes_of

        return for_nodes_of(config, parts, presence).routes(shared)

    def load_for_nodes() -> None:
        with uncollected():
            from tiercache import served_for_nodes  # noqa: F401  # as `for_nodes` does, but not in the reactor's turn

    def more(shared: Shared) -> Sequence[Route]:
        from tiercache.served_on_demand import on_demand_of  # with publishing and prefetching

        its_jobs = parts.prefetching.jobs if jobs is None else jobs()
        return on_demand_of(config, parts, presence, clock=clock, pool=pool, jobs=its_jobs).routes(shared)

    def load() -> None:
        with uncollected():
            load_for_nodes()  # whose routes are among them
            from tiercache import served_on_demand  # noqa: F401  # as `more` does, but not in the reactor's turn

            parts.load()

    return root(
        presence=presence,
        limits=limits_of(config),
        clock=clock,
        pool=pool,
        pages=parts.pages,
        files=parts.files,
        sidecars=parts.sidecars,
        switch=parts.switch,
        load_for_nodes=load_for_nodes,
        for_nodes=for_nodes,
        load=load,
        more=more,
        permissions=permissions_of(config.access),
        accounts=configured_accounts(config.access),
        tokens=parts.tokens,
        is_trusted_publisher=partial(_is_trusted, parts) if config.access.trusted_publishers else _nobody_is_trusted,
        trusted_proxies=trusted_proxies_of(config.access),
        read_ahead=parts.read_ahead,
        warrants=warrants,
        not_ready=not_ready,
        at_hand=parts.at_hand,
    )


def _is_trusted(parts: Parts, token: IssuedToken) -> bool:
    return parts.mint is not None and parts.mint.trusts(token)


def _nobody_is_trusted(_token: IssuedToken) -> bool:
    return False
