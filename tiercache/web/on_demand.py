"""The routes of a site that a node is seldom asked for: all but those of pages, files and its own health.

What puts a site together loads this module, and what these routes need with it, when the first request is for one of
them: a node starts sooner without.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

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
from tiercache.simple.model import ProjectName
from tiercache.web.admin import OfflineRoute, ReservationRoutes
from tiercache.web.legacy_json import LegacyJson
from tiercache.web.limits import Limits
from tiercache.web.openapi import OpenApi
from tiercache.web.route import Route
from tiercache.web.site import Presence, Shared
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

GET = "GET"


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


@frozen(kw_only=True)
class OnDemand:
    """What those routes are about; what is None is not offered.

    `may_read`: whether who sent a request may read a project, where one answer is about many.  `reserved`: the names
    that its operator may look at and release.  `tokens`: those that the node issues; `mint`: what issues them to
    trusted publishers.  `publish`: the routes of uploads, `manage`: those for what is hosted, `prefetch`: those for
    what is wanted before it is asked for.
    """

    presence: Presence
    limits: Limits
    clock: IReactorTime
    pool: Pool
    pages: Pages
    files: Files
    sidecars: Sidecars
    switch: OfflineSwitch
    for_nodes: ForNodes
    may_read: Callable[[Request, ProjectName], bool] = may_read
    reserved: ReservedNames | None = None
    tokens: Tokens | None = None
    mint: Mint | None = None
    publish: Sequence[Route] = ()
    manage: Sequence[Route] = ()
    prefetch: Sequence[Route] = ()

    def routes(self, shared: Shared) -> tuple[Route, ...]:
        """All of them; `shared` is what the site has made by then."""
        presence, reserved, tokens = self.presence, self.reserved, self.tokens
        welcome = Welcome(node_name=presence.node_name, version=presence.version, public_url=presence.public_url)
        legacy_json = LegacyJson(
            pages=self.pages,
            sidecars=self.sidecars,
            pool=self.pool,
            public_url=presence.public_url,
            client_max_age_s=presence.client_max_age_s,
        )
        api = (
            *OfflineRoute(switch=self.switch).routes(),
            *(() if reserved is None else ReservationRoutes(reserved=reserved).routes()),
            *(() if tokens is None else TokenRoutes(tokens=tokens, logins=shared.logins).routes()),
            *self.prefetch,
            *self.manage,
            *self._for_nodes(shared),
        )
        return (
            Route(verb=GET, path="/", act=welcome.page, permission=None),
            Route(verb=GET, path="/pypi/<project>/json", act=legacy_json.project, permission="read"),
            Route(verb=GET, path="/pypi/<project>/<version>/json", act=legacy_json.release, permission="read"),
            *self.publish,
            *(() if self.mint is None else TrustedPublishing(mint=self.mint).routes()),
            *api,
            *OpenApi(version=presence.version, pool=self.pool).routes(api),
        )

    def _for_nodes(self, shared: Shared) -> tuple[Route, ...]:
        """What this node offers to other nodes."""
        for_nodes, limits = self.for_nodes, self.limits
        journal = for_nodes.journal
        node = NodeRoutes(state=for_nodes.about, reserved=for_nodes.reserved)
        changes = ChangeRoutes(
            journal=journal,
            feed=Feed(journal=journal, clock=self.clock),
            clock=self.clock,
            write_timeout_s=limits.write_timeout_s,
        )
        many_pages = PageRoutes(
            node_name=self.presence.node_name,
            pages=self.pages,
            simple=shared.simple,
            sidecars=for_nodes.sidecars,
            next=for_nodes.next_sidecars,
            told=lambda: journal.told,
            may_read=self.may_read,
            pool=self.pool,
        )
        tier_files = TierFiles(files=self.files, may_read=self.may_read)
        return (*node.routes(), *changes.routes(), *many_pages.routes(), *tier_files.routes())
