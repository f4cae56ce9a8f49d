"""The routes of a site that a node is seldom asked for: all but those of pages, files, nodes and its own health.

What puts a site together loads this module, and what these routes need with it, when the first request is for one of
them: a node starts sooner without.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from tiercache.cache.minting import Mint
from tiercache.cache.pages import Pages
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.tokens import Tokens
from tiercache.interfaces import Pool
from tiercache.web.admin import OfflineRoute, ReservationRoutes
from tiercache.web.legacy_json import LegacyJson
from tiercache.web.openapi import OpenApi
from tiercache.web.route import Route
from tiercache.web.site import Presence, Shared
from tiercache.web.tokens import TokenRoutes
from tiercache.web.trusted_publishing import TrustedPublishing
from tiercache.web.welcome import Welcome

GET = "GET"


@frozen(kw_only=True)
class OnDemand:
    """What those routes are about; what is None is not offered.

    `reserved`: the names that its operator may look at and release.  `tokens`: those that the node issues; `mint`: what
    issues them to trusted publishers.  `publish`: the routes of uploads, `manage`: those for what is hosted,
    `prefetch`: those for what is wanted before it is asked for.
    """

    presence: Presence
    pool: Pool
    pages: Pages
    sidecars: Sidecars
    switch: OfflineSwitch
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
            *shared.for_nodes,
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
