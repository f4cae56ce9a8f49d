"""Builds the site from the services that it serves: what a node calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource
from twisted.web.server import Request

from tiercache.access.accounts import Accounts
from tiercache.access.permissions import Permissions
from tiercache.access.principals import Network
from tiercache.access.remembered import Remembered
from tiercache.access.warrants import Warrants, no_warrants
from tiercache.cache.files import Files
from tiercache.cache.minting import Mint
from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.pages import Pages
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.tokens import Tokens
from tiercache.interfaces import Pool
from tiercache.prefetch.next_sidecar import NextSidecars
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.simple.model import ProjectName
from tiercache.web.access_log import AccessLog
from tiercache.web.admin import OfflineRoute, ReservationRoutes
from tiercache.web.ahead import Ahead
from tiercache.web.app import application, forgotten
from tiercache.web.client import Clients
from tiercache.web.files import FileRoutes
from tiercache.web.front import Front
from tiercache.web.guard import Guard
from tiercache.web.health import Health
from tiercache.web.hot.descriptors import Descriptors
from tiercache.web.hot.heads import Heads
from tiercache.web.hot.path import HotPath
from tiercache.web.hot.ready import Ready
from tiercache.web.legacy_json import LegacyJson
from tiercache.web.limits import Limits
from tiercache.web.logins import Logins
from tiercache.web.openapi import OpenApi
from tiercache.web.renderings import Renderings
from tiercache.web.respond import Responder
from tiercache.web.route import Route
from tiercache.web.server import NodeSite
from tiercache.web.simple import SimplePages
from tiercache.web.standing import IAtHand
from tiercache.web.tier.changes import ChangeRoutes
from tiercache.web.tier.feed import Feed, IJournal
from tiercache.web.tier.files import TierFiles
from tiercache.web.tier.node import NodeRoutes
from tiercache.web.tier.pages import PageRoutes
from tiercache.web.tokens import TokenRoutes
from tiercache.web.trusted_publishing import TrustedPublishing
from tiercache.web.visitor import may_read
from tiercache.web.welcome import Welcome
from tiercache.wire import NodeState, Reserved


@frozen(kw_only=True)
class ForNodes:
    """What this node offers to other nodes, beside its pages and files.

    `about` and `reserved` give what is true now; `sidecars` chooses what goes along with a page, and `next_sidecars`
    sees to it that the most likely one does.
    """

    journal: IJournal
    about: Callable[[], NodeState]
    reserved: Callable[[], Reserved]
    sidecars: NewestSidecars
    next_sidecars: NextSidecars


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
    for_nodes: ForNodes,
    not_ready: Callable[[], str | None],
    may_read: Callable[[Request, ProjectName], bool] = may_read,
    permissions: Permissions = ANYONE_READS,
    accounts: Accounts = NOBODY,
    reserved: ReservedNames | None = None,
    publish: Sequence[Route] = (),
    manage: Sequence[Route] = (),
    prefetch: Sequence[Route] = (),
    trusted_proxies: tuple[Network, ...] = (),
    tokens: Tokens | None = None,
    mint: Mint | None = None,
    read_ahead: ReadAhead | None = None,
    warrants: Warrants | None = None,
    at_hand: IAtHand | None = None,
) -> IResource:
    """The root resource; `not_ready` gives the reason why no request should come here now, or None.

    `may_read`: whether who sent a request may read a project, where one answer is about many.  `permissions`: what the
    guard lets whom do, who are known by `accounts`.  `reserved`: the names that its operator may look at and release.
    `publish`: the routes of uploads, `manage`: those for what is hosted, `prefetch`: those for what is wanted before it
    is asked for.  `trusted_proxies`: who is believed to say for whom they ask.  `tokens`: those that the node issues;
    `mint`: what issues them to trusted publishers.  `warrants`: for whom the node's own programs read.  `read_ahead`:
    what guesses at what clients will ask for, if anything does.  `at_hand`: what tells whether answers are the same
    still, None to keep none ready.
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

    logins = Logins(
        accounts=accounts,
        clients=clients,
        # The control token is made by chance for each run, and so is what is made of it.
        remembered=Remembered(key=f"logins {presence.control_token}".encode(), now=clock.seconds),
        control_token=presence.control_token,
        pool=pool,
        now=clock.seconds,
        tokens=tokens,
        is_trusted_publisher=(lambda token: False) if mint is None else mint.trusts,
        warrants=no_warrants() if warrants is None else warrants,
    )
    access_log = AccessLog(clock=clock, clients=clients)
    hot = None
    if at_hand is not None:
        hot = hot_path(at_hand, presence=presence, limits=limits, clock=clock, clients=clients, access_log=access_log)
    simple_pages = simple(local=False)
    tier = tier_routes(
        for_nodes,
        node_name=presence.node_name,
        limits=limits,
        clock=clock,
        pool=pool,
        pages=pages,
        simple=simple_pages,
        files=files,
        may_read=may_read,
    )
    site = application(
        welcome=Welcome(node_name=presence.node_name, version=presence.version, public_url=presence.public_url),
        simple=simple_pages,
        local=simple(local=True),
        files=FileRoutes(files=files, sidecars=sidecars, local=False, ahead=ahead, at_hand=at_hand),
        local_files=FileRoutes(files=files, sidecars=sidecars, local=True, at_hand=at_hand),
        legacy_json=LegacyJson(
            pages=pages,
            sidecars=sidecars,
            pool=pool,
            public_url=presence.public_url,
            client_max_age_s=presence.client_max_age_s,
        ),
        publish=(*publish, *(() if mint is None else TrustedPublishing(mint=mint).routes())),
        manage=manage,
        operate=(
            *OfflineRoute(switch=switch).routes(),
            *(() if reserved is None else ReservationRoutes(reserved=reserved).routes()),
            *(() if tokens is None else TokenRoutes(tokens=tokens, logins=logins).routes()),
            *prefetch,
        ),
        tier=tier,
        openapi=OpenApi(version=presence.version),
        health=Health(not_ready=not_ready),
        guard=Guard(permissions=permissions, clients=clients, logins=logins),
        responder=responder,
        keep=forgotten if hot is None else hot.keep,
    )
    return Front(
        application=site,
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
) -> HotPath:
    """What connections answer of themselves."""
    return HotPath(
        ready=Ready(
            node_name=presence.node_name,
            version=lambda: at_hand.version,
            now=at_hand.now,
            limit_bytes=presence.ready_bytes,
        ),
        heads=Heads(node_id=presence.node_id, most_fields=limits.head_fields),
        descriptors=Descriptors(clock=clock),
        clock=clock,
        access_log=access_log,
        clients=clients,
    )


def tier_routes(
    for_nodes: ForNodes,
    *,
    node_name: str,
    limits: Limits,
    clock: IReactorTime,
    pool: Pool,
    pages: Pages,
    simple: SimplePages,
    files: Files,
    may_read: Callable[[Request, ProjectName], bool],
) -> tuple[Route, ...]:
    """What this node offers to other nodes."""
    journal = for_nodes.journal
    node = NodeRoutes(state=for_nodes.about, reserved=for_nodes.reserved)
    changes = ChangeRoutes(
        journal=journal,
        feed=Feed(journal=journal, clock=clock),
        clock=clock,
        write_timeout_s=limits.write_timeout_s,
    )
    many_pages = PageRoutes(
        node_name=node_name,
        pages=pages,
        simple=simple,
        sidecars=for_nodes.sidecars,
        next=for_nodes.next_sidecars,
        told=lambda: journal.told,
        may_read=may_read,
        pool=pool,
    )
    tier_files = TierFiles(files=files, may_read=may_read)
    return (*node.routes(), *changes.routes(), *many_pages.routes(), *tier_files.routes())


def site(root: IResource, clock: IReactorTime, limits: Limits) -> NodeSite:
    """The factory that serves a root resource: hand it to an endpoint, and `drain` it when the node stops."""
    return NodeSite(root, clock, limits)
