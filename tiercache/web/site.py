"""Builds the site from the services that it serves: what a node calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from attrs import evolve, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from tiercache.access.accounts import Accounts
from tiercache.access.permissions import Permissions
from tiercache.access.principals import Network
from tiercache.access.remembered import Remembered
from tiercache.access.tokens import IssuedToken
from tiercache.access.warrants import Warrants, no_warrants
from tiercache.cache.files import Files
from tiercache.cache.pages import Pages
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.tokens import Tokens
from tiercache.interfaces import Pool
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.web.access_log import AccessLog
from tiercache.web.ahead import Ahead
from tiercache.web.client import Clients
from tiercache.web.files import FileRoutes
from tiercache.web.front import Front
from tiercache.web.health import Health
from tiercache.web.hot.descriptors import Descriptors
from tiercache.web.hot.heads import Heads
from tiercache.web.hot.path import HotPath
from tiercache.web.hot.ready import Ready
from tiercache.web.limits import Limits
from tiercache.web.renderings import Renderings
from tiercache.web.respond import Responder
from tiercache.web.server import NodeSite
from tiercache.web.simple import SimplePages
from tiercache.web.standing import IAtHand
from tiercache.web.unasked import Unasked

if TYPE_CHECKING:  # what only the application needs is loaded with it
    from tiercache.web.logins import Logins
    from tiercache.web.route import Route

ANYONE_READS = Permissions()
NOBODY = Accounts(accounts={})


@frozen(kw_only=True)
class Presence:
    """How a node shows itself.  `public_url`: where clients find it, None to believe their Host field.

    `client_max_age_s`: how long clients may use a page without asking.  `control_token`: what who switches the running
    node has to show.  `renderings_bytes`: the rendered pages kept in memory; `ready_bytes`: the answers that are ready.
    `node_id`: what this node is called in Via and CDN-Loop; None lets requests through that have been here before.
    """

    node_name: str
    version: str
    control_token: str
    node_id: str | None = None
    public_url: str | None = None
    client_max_age_s: float = 0.0
    renderings_bytes: int = 12 * 1024 * 1024
    ready_bytes: int = 24 * 1024 * 1024


@frozen(kw_only=True)
class Shared:
    """What other routes have in common with those of pages and files.  `for_nodes`: the routes for other nodes."""

    simple: SimplePages
    logins: Logins
    for_nodes: Sequence[Route] = ()


More = Callable[[Shared], "Sequence[Route]"]
"""Gives routes beside those of pages, files and the node's health.  It is called when one of them is asked for."""


def nothing() -> None:
    """Of a site that has it all."""


def no_more(_shared: Shared) -> Sequence[Route]:
    """Of a site that has none."""
    return ()


def root(
    *,
    presence: Presence,
    limits: Limits,
    clock: IReactorTime,
    pool: Pool,
    pages: Pages,
    files: Files,
    sidecars: Sidecars,
    switch: OfflineSwitch,
    not_ready: Callable[[], str | None],
    load_for_nodes: Callable[[], object] = nothing,
    for_nodes: More = no_more,
    load: Callable[[], object] = nothing,
    more: More = no_more,
    permissions: Permissions = ANYONE_READS,
    accounts: Accounts = NOBODY,
    trusted_proxies: tuple[Network, ...] = (),
    tokens: Tokens | None = None,
    is_trusted_publisher: Callable[[IssuedToken], bool] = lambda token: False,
    read_ahead: ReadAhead | None = None,
    warrants: Warrants | None = None,
    at_hand: IAtHand | None = None,
) -> IResource:
    """The root resource; `not_ready` gives the reason why no request should come here now, or None.

    `for_nodes` gives what is served to other nodes beside pages and files, once `load_for_nodes` has been called in the
    pool; `more` all else, once `load` has.  `permissions`: what the guard lets whom do, who are known by `accounts`.
    `trusted_proxies`: who is believed to say for whom they ask.
    `tokens`: those that the node issues; `is_trusted_publisher`: whether one is of a publisher who is trusted still.
    `warrants`: for whom the node's own programs read.  `read_ahead`: what guesses at what clients will ask for, if
    anything does.  `at_hand`: what tells whether answers are the same still, None to keep none ready.
    """
    responder = Responder(clock=clock, node_name=presence.node_name, write_timeout_s=limits.write_timeout_s)
    renderings = Renderings(limit_bytes=presence.renderings_bytes)

    clients = Clients(trusted=trusted_proxies, public_url=presence.public_url)
    ahead = None if read_ahead is None else Ahead(read_ahead=read_ahead, clients=clients)

    def simple(local: bool) -> SimplePages:
        return SimplePages(
            pages=pages,
            switch=switch,
            pool=pool,
            renderings=renderings,
            local=local,
            client_max_age_s=presence.client_max_age_s,
            ahead=None if local else ahead,
            at_hand=at_hand,
        )

    access_log = AccessLog(clock=clock, clients=clients)
    simple_pages, local_pages = simple(local=False), simple(local=True)
    file_routes = FileRoutes(files=files, sidecars=sidecars, local=False, ahead=ahead, at_hand=at_hand)
    local_file_routes = FileRoutes(files=files, sidecars=sidecars, local=True, at_hand=at_hand)
    hot = None
    if at_hand is not None:
        unasked = Unasked(
            simple=simple_pages,
            local=local_pages,
            files=file_routes,
            local_files=local_file_routes,
            anyone=permissions.read_by_anyone,
            read_ahead=read_ahead,
        )
        hot = hot_path(
            at_hand,
            presence=presence,
            limits=limits,
            clock=clock,
            clients=clients,
            access_log=access_log,
            unasked=unasked,
        )

    def everything() -> IResource:
        from tiercache.web.app import application, forgotten  # with Klein, and whatever else routes need
        from tiercache.web.guard import Guard
        from tiercache.web.logins import Logins

        logins = Logins(
            accounts=accounts,
            clients=clients,
            # The control token is made by chance for each run, and so is what is made of it.
            remembered=Remembered(key=f"logins {presence.control_token}".encode(), now=clock.seconds),
            control_token=presence.control_token,
            pool=pool,
            now=clock.seconds,
            tokens=tokens,
            is_trusted_publisher=is_trusted_publisher,
            warrants=no_warrants() if warrants is None else warrants,
        )
        shared = Shared(simple=simple_pages, logins=logins)

        @cache
        def routes_for_nodes() -> Sequence[Route]:
            return for_nodes(shared)

        return application(
            simple=simple_pages,
            local=local_pages,
            files=file_routes,
            local_files=local_file_routes,
            health=Health(not_ready=not_ready),
            load_for_nodes=lambda: pool(load_for_nodes),
            for_nodes=routes_for_nodes,
            load=lambda: pool(load),
            more=lambda: more(evolve(shared, for_nodes=routes_for_nodes())),
            pool=pool,
            guard=Guard(permissions=permissions, clients=clients, logins=logins),
            responder=responder,
            keep=forgotten if hot is None else hot.keep,
        )

    return Front(
        application=everything,
        access_log=access_log,
        responder=responder,
        node_id=presence.node_id,
        hot=hot,
    )


def hot_path(
    at_hand: IAtHand,
    *,
    presence: Presence,
    limits: Limits,
    clock: IReactorTime,
    clients: Clients,
    access_log: AccessLog,
    unasked: Unasked,
) -> HotPath:
    """What connections answer of themselves."""
    return HotPath(
        ready=Ready(
            node_name=presence.node_name,
            version=at_hand.version,
            stamp=at_hand.stamp,
            now=at_hand.now,
            client_max_age_s=presence.client_max_age_s,
            limit_bytes=presence.ready_bytes,
        ),
        heads=Heads(node_id=presence.node_id, most_fields=limits.head_fields),
        descriptors=Descriptors(clock=clock),
        clock=clock,
        access_log=access_log,
        clients=clients,
        unasked=unasked,
    )


def site(root: IResource, clock: IReactorTime, limits: Limits) -> NodeSite:
    """The factory that serves a root resource: hand it to an endpoint, and `drain` it when the node stops."""
    return NodeSite(root, clock, limits)
