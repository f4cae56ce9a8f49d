"""Builds the site from the services that it serves: what a node calls."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.resource import IResource

from tiercache.cache.files import Files
from tiercache.cache.pages import Pages
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.interfaces import Pool
from tiercache.web.access_log import AccessLog
from tiercache.web.admin import OfflineRoute
from tiercache.web.app import application
from tiercache.web.files import FileRoutes
from tiercache.web.front import Front
from tiercache.web.health import Health
from tiercache.web.legacy_json import LegacyJson
from tiercache.web.limits import Limits
from tiercache.web.renderings import Renderings
from tiercache.web.respond import Responder
from tiercache.web.server import NodeSite
from tiercache.web.simple import SimplePages
from tiercache.web.welcome import Welcome


@frozen(kw_only=True)
class Presence:
    """How a node shows itself.  `public_url`: where clients find it, None to believe their Host field.

    `client_max_age_s`: how long clients may use a page without asking.  `control_token`: what who switches the running
    node has to show.  `renderings_bytes`: the ready pages kept in memory.  `node_id`: what this node is called in
    Via and CDN-Loop; None lets requests through that have been here before.
    """

    node_name: str
    version: str
    control_token: str
    node_id: str | None = None
    public_url: str | None = None
    client_max_age_s: float = 0.0
    renderings_bytes: int = 24 * 1024 * 1024


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
) -> IResource:
    """The root resource; `not_ready` gives the reason why no request should come here now, or None."""
    responder = Responder(clock=clock, node_name=presence.node_name, write_timeout_s=limits.write_timeout_s)
    renderings = Renderings(limit_bytes=presence.renderings_bytes)

    def simple(local: bool) -> SimplePages:
        return SimplePages(
            pages=pages,
            switch=switch,
            pool=pool,
            renderings=renderings,
            local=local,
            client_max_age_s=presence.client_max_age_s,
        )

    site = application(
        welcome=Welcome(node_name=presence.node_name, version=presence.version, public_url=presence.public_url),
        simple=simple(local=False),
        local=simple(local=True),
        files=FileRoutes(files=files, sidecars=sidecars, local=False),
        local_files=FileRoutes(files=files, sidecars=sidecars, local=True),
        legacy_json=LegacyJson(
            pages=pages,
            sidecars=sidecars,
            pool=pool,
            public_url=presence.public_url,
            client_max_age_s=presence.client_max_age_s,
        ),
        offline=OfflineRoute(switch=switch, control_token=presence.control_token),
        health=Health(not_ready=not_ready),
        responder=responder,
    )
    return Front(application=site, access_log=AccessLog(clock=clock), responder=responder, node_id=presence.node_id)


def site(root: IResource, clock: IReactorTime, limits: Limits) -> NodeSite:
    """The factory that serves a root resource: hand it to an endpoint, and `drain` it when the node stops."""
    return NodeSite(root, clock, limits)
