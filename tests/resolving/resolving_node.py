"""A node that resolves with a real program, on a real port; its tiers are scripted."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import Clock

from tests.doubles.now import at_once
from tests.doubles.small_node import CONFIG, SmallNode
from tests.doubles.upstream import ScriptedUpstream
from tiercache.access.warrants import Warrants
from tiercache.config import Config
from tiercache.resolving.child import Children
from tiercache.resolving.own_index import OwnIndex
from tiercache.resolving.uv import UvResolver, installed_uv
from tiercache.served import root_of
from tiercache.served_on_demand import own_root_of
from tiercache.web.limits import Limits
from tiercache.web.server import NodeSite
from tiercache.web.site import site


@define(kw_only=True, eq=False)
class ResolvingNode:
    """`clock` tells when the 60 s of a run are over.  `program`: a path, or None for the uv that is installed.

    `folder`: where runs have their folders.
    """

    reactor: Any
    tiers: list[ScriptedUpstream]
    folder: Path
    config: Config = CONFIG
    program: Path | None = None
    clock: Clock = field(factory=Clock)
    most_bytes: int = 1 << 20
    passwords: list[str] = field(factory=list)
    ports: list[IListeningPort] = field(factory=list)
    node: SmallNode = field(init=False)
    index: OwnIndex = field(init=False)
    warrants: Warrants = field(init=False)
    resolver: UvResolver = field(init=False)
    site: NodeSite = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node = SmallNode(upstreams=self.tiers, config=self.config)
        self.warrants = Warrants(secret=self._secret)
        root = root_of(
            self.config,
            self.node.parts,
            clock=self.reactor,
            pool=at_once,
            token="",
            not_ready=lambda: None,
            warrants=self.warrants,
        )
        own_root = own_root_of(
            self.config, self.node.parts, root, clock=self.reactor, pool=at_once, warrants=self.warrants
        )
        self.site = site(own_root, self.reactor, Limits())
        self.index = OwnIndex(listen=self._listen)
        self.resolver = self._with(lambda: installed_uv() if self.program is None else str(self.program))

    def without_uv(self) -> UvResolver:
        """The resolver of the same node on a machine that has no uv."""
        return self._with(lambda: None)

    def _with(self, program: Callable[[], str | None]) -> UvResolver:
        return UvResolver(
            program=program,
            children=Children(reactor=self.reactor, clock=self.clock, most_bytes=self.most_bytes, deadline_s=60.0),
            index=self.index,
            warrants=self.warrants,
            folder=str(self.folder),
            pool=at_once,
        )

    def left(self) -> list[str]:
        """What its runs have left in their folder."""
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []

    def _secret(self) -> str:
        self.passwords.append(secrets.token_urlsafe(32))
        return self.passwords[-1]

    def _listen(self) -> IListeningPort:
        port: IListeningPort = self.reactor.listenTCP(0, self.site, interface="127.0.0.1")
        self.ports.append(port)
        return port
