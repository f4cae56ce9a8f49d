"""A node's whole web side, in memory, over stand-ins of the cache."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from tests.doubles.jobs import ScriptedJobs
from tests.doubles.now import at_once
from tests.doubles.scripted_journal import ScriptedJournal
from tests.doubles.shelves import CountingPool, FileShelf, PageShelf, SidecarShelf, Switch
from tests.doubles.wire import Reply, Wire
from tiercache.access.accounts import Accounts
from tiercache.access.permissions import Permissions
from tiercache.access.principals import Network
from tiercache.cache.journal import Journal
from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.tokens import Tokens
from tiercache.interfaces import ICatalogue
from tiercache.prefetch.next_sidecar import NextSidecars
from tiercache.storage.memory import MemoryCatalogue
from tiercache.web.for_nodes import ForNodes
from tiercache.web.limits import Limits
from tiercache.web.on_demand import OnDemand
from tiercache.web.prefetching import prefetch_routes
from tiercache.web.site import ANYONE_READS, NOBODY, Presence, root
from tiercache.web.visitor import may_read
from tiercache.wire import NodeState, Reserved

JSON = "application/vnd.pypi.simple.v1+json"
TOKEN = "control-token"
LAPTOP = Presence(node_name="laptop", version="1.2.3", control_token=TOKEN)


def next_sidecars(sidecars: SidecarShelf, clock: IReactorTime, catalogue: ICatalogue | None = None) -> NextSidecars:
    """What sees to it that a sidecar goes along with a page; of a node whose tiers are none."""
    return NextSidecars(
        catalogue=catalogue or MemoryCatalogue(),
        sidecars=sidecars,
        is_at_ease=lambda project: True,
        clock=clock,
        pool=at_once,
    )


@define
class WebNode:
    """The site of a node called `laptop`."""

    presence: Presence = LAPTOP
    limits: Limits = field(factory=Limits)
    pages: PageShelf = field(factory=PageShelf)
    files: FileShelf = field(factory=FileShelf)
    sidecars: SidecarShelf = field(factory=SidecarShelf)
    switch: Switch = field(factory=Switch)
    pool: CountingPool = field(factory=CountingPool)
    clock: Clock = field(factory=Clock)
    not_ready: list[str] = field(factory=list)
    journal: ScriptedJournal = field(factory=ScriptedJournal)
    about: NodeState = field(factory=lambda: NodeState(name="laptop", id="here", version="1.2.3"))
    reserved: Reserved = field(factory=lambda: Reserved(digest="", complete=True))
    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    unreadable: set[str] = field(factory=set)
    permissions: Permissions = ANYONE_READS
    accounts: Accounts = NOBODY
    trusted_proxies: tuple[Network, ...] = ()
    jobs: ScriptedJobs = field(factory=ScriptedJobs)
    names: ReservedNames = field(init=False)
    wire: Wire = field(init=False)

    @names.default
    def _none_reserved_yet(self) -> ReservedNames:
        journal = Journal(catalogue=self.catalogue, now=self.clock.seconds)
        return ReservedNames(catalogue=self.catalogue, journal=journal, tiers=("office",), nodes=frozenset(["office"]))

    def __attrs_post_init__(self) -> None:
        tokens = Tokens(catalogue=self.catalogue, now=self.clock.seconds)
        for_nodes = ForNodes(
            presence=self.presence,
            limits=self.limits,
            clock=self.clock,
            pool=self.pool,
            pages=self.pages,
            files=self.files,
            journal=self.journal,
            about=lambda: self.about,
            reserved=lambda: self.reserved,
            sidecars=NewestSidecars(catalogue=self.catalogue),
            next_sidecars=next_sidecars(self.sidecars, self.clock, self.catalogue),
            may_read=lambda request, project: project not in self.unreadable and may_read(request, project),
        )
        on_demand = OnDemand(
            presence=self.presence,
            pool=self.pool,
            pages=self.pages,
            sidecars=self.sidecars,
            switch=self.switch,
            reserved=self.names,
            tokens=tokens,
            prefetch=prefetch_routes(
                self.jobs,
                pages=self.pages,
                clock=self.clock,
                pool=self.pool,
                write_timeout_s=self.limits.write_timeout_s,
            ),
        )
        resource = root(
            presence=self.presence,
            limits=self.limits,
            clock=self.clock,
            pool=self.pool,
            pages=self.pages,
            files=self.files,
            sidecars=self.sidecars,
            switch=self.switch,
            for_nodes=for_nodes.routes,
            more=on_demand.routes,
            permissions=self.permissions,
            accounts=self.accounts,
            tokens=tokens,
            trusted_proxies=self.trusted_proxies,
            not_ready=lambda: self.not_ready[0] if self.not_ready else None,
        )
        self.wire = Wire.to(resource, self.limits, self.clock)

    def load(self) -> None:
        """Put together what is seldom asked for, which is else done by the pool when it is."""
        front: Any = self.wire.site.resource
        assert front.application.for_nodes is not None
        assert front.application.whole is not None

    def get(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        """GET."""
        return self.wire.get(path, headers)

    def head(self, path: str, headers: dict[str, str] | None = None) -> Reply:
        """HEAD."""
        return self.wire.get(path, headers, method="HEAD")

    def request(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:
        """Any method."""
        return self.wire.get(path, headers, method=method, body=body)
