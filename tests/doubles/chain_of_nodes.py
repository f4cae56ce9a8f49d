# ruff: noqa: N802, N803, N815 -- Twisted's names
# mypy: disallow-untyped-calls=False
# Twisted's own classes have no types here.
"""Whole nodes joined in memory, on fake time: the web side of each is a tier of the next, a far index is at the top.

Everything between the nodes is real: Twisted's client, the node's own site, bytes on a connection.  What is made up is
the time, the wires, and the index (`TierHttp`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import Clock
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.http import datetimeToString
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import IResource
from twisted.web.server import Request
from zope.interface import implementer

from tests.doubles.far_index import BASE, NOW
from tests.doubles.now import at_once
from tests.doubles.pipe import End, pipe
from tests.doubles.resolver import ResolverInMemory
from tests.doubles.small_node import CONFIG, sha256
from tests.doubles.tier_http import JSON_TYPE, TierHttp, http_answer
from tests.doubles.tier_http import Received as FarRequest
from tests.doubles.wire import Connection, Reply, Wire
from tiercache.config import Config
from tiercache.interfaces import Tier
from tiercache.node import assemble
from tiercache.parts import Parts
from tiercache.prefetch.environments import Machine
from tiercache.prefetch.prefetching import PrefetchEdges
from tiercache.served import root_of
from tiercache.simple.model import File
from tiercache.simple.names import normalise
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.memory_files import MemoryFiles
from tiercache.storage.node_id import node_id_of
from tiercache.upstream.credentials import Credentials, credentials_of
from tiercache.upstream.parent import Parent
from tiercache.upstream.reach import Reach
from tiercache.upstream.requests import Requests
from tiercache.upstream.simple_index import SimpleIndex
from tiercache.upstream.target import Target
from tiercache.upstream.uploads import Uploads
from tiercache.web.limits import limits_of
from tiercache.web.server import NodeSite
from tiercache.web.site import site
from tiercache.wire import HEARTBEAT_S

ORIGIN = "origin"
"""The name of the tier that is the far index."""

FILES = "https://files.example/"

MACHINE = Machine(python="3.12.4", system="Linux", machine="x86_64", libc=("glibc", "2.39"))
"""On which every node runs."""


@frozen(kw_only=True)
class Received:
    """A request as it came to a node; `headers` by lower-case name."""

    method: str
    path: str
    headers: Mapping[str, str]


@implementer(IResource)
@define(eq=False)
class Gate:
    """In front of a node's root: notes each request, and lets the answer's Date be the node's own time."""

    root: IResource
    node: JoinedNode
    isLeaf: bool = True

    def render(self, request: Request) -> object:
        named = {
            name.decode("ascii").lower(): ", ".join(value.decode("latin-1") for value in values)
            for name, values in request.requestHeaders.getAllRawHeaders()
        }
        self.node.received.append(
            Received(method=request.method.decode(), path=request.path.decode("latin-1"), headers=named)
        )
        request.setHeader(b"date", datetimeToString(self.node.now()))
        return self.root.render(request)

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        raise LookupError(name)

    def putChild(self, path: bytes, child: IResource) -> None:
        raise LookupError(path)


@define(kw_only=True, eq=False, repr=False)  # a failing assertion would show every node there is
class JoinedNode:
    """One node.  `received` is every request that came to it, from clients and from other nodes.

    `ahead_s`: how far its clock is ahead of the others'.  `siblings` are those of its `tiers` that are such, `tokens`
    what it shows to them.  What it stores is in `files` and `catalogue`.
    """

    chain: ChainOfNodes
    name: str
    tiers: tuple[str, ...]
    config: Config
    ahead_s: float = 0.0
    siblings: tuple[str, ...] = ()
    tokens: Mapping[str, str] = field(factory=dict)
    files: MemoryFiles = field(factory=MemoryFiles)
    catalogue: MemoryCatalogue = field(factory=MemoryCatalogue)
    received: list[Received] = field(factory=list)
    node_id: str = field(init=False)
    upstreams: list[SimpleIndex | Parent] = field(init=False)
    parts: Parts = field(init=False)
    site: NodeSite = field(init=False)
    _clients: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begin, or begin anew with what is in the store; who was connected before is so no more."""
        clock = self.chain.clock
        self.chain.end_connections_to(self.name)
        self.node_id = node_id_of(self.catalogue, self.chain.next_id)
        self.upstreams = [self._upstream(tier) for tier in self.tiers]
        self.parts = assemble(
            self.config,
            files=self.files,
            catalogue=self.catalogue,
            upstreams=self.upstreams,
            clock=clock,
            now=self.now,
            pool=at_once,
            node_id=self.node_id,
            publish_targets=[self._target(tier) for tier in self.tiers if tier != ORIGIN],
            prefetch_edges=lambda: PrefetchEdges(
                resolver=ResolverInMemory.within(lambda: self.parts),
                machine=lambda: MACHINE,
                new_id=self.chain.next_id,
            ),
        )
        self.parts.prefetching.start()
        root = root_of(
            self.config,
            self.parts,
            clock=clock,
            pool=at_once,
            token="token",
            not_ready=lambda: None,
            node_id=self.node_id,
        )
        self.site = site(Gate(root, self), clock, limits_of(self.config))
        self._clients = Wire(clock, self.site)

    def follow(self) -> None:
        """Follow the news of its parents from now on, as a node does as soon as it runs."""
        self.parts.following.start()
        self.chain.settle()

    def stop(self) -> None:
        """Follow no more, as a node that stops; `start` begins anew."""
        self.chain.index.result(self.parts.prefetching.stop())
        self.chain.index.result(self.parts.following.stop())

    def host(self, project: str, filename: str, content: bytes) -> None:
        """Publish a file here, as an upload does."""
        partial = self.files.begin()
        partial.write(content)
        partial.commit(sha256(content))
        file = File(filename=filename, url="", hashes={"sha256": sha256(content)}, size=len(content))
        self.chain.index.result(self.parts.hosted.add(normalise(project), file))

    @property
    def url(self) -> str:
        """Its root."""
        return f"http://{self.name}.example:8141/"

    def now(self) -> float:
        """Seconds since 1970 by its own clock."""
        return NOW + self.chain.clock.seconds() + self.ahead_s

    def send(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes = b""
    ) -> Connection:
        """Send a request on a connection of its own; what it brings about is still to happen."""
        connection = self._clients.connect()
        assert connection is not None
        connection.ask(method, path, dict(headers or {}), body)
        return connection

    def begin(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes = b""
    ) -> Connection:
        """The same, and let happen what needs no time to pass."""
        connection = self.send(path, headers, method=method, body=body)
        self.chain.settle()
        return connection

    def get(
        self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes = b""
    ) -> Reply:
        """One exchange that needs no time to pass."""
        connection = self.begin(path, headers, method=method, body=body)
        assert connection.received, "still waiting"
        reply = connection.reply(method)
        connection.leave()
        return reply

    def page(self, project: str, headers: Mapping[str, str] | None = None) -> Reply:
        """A project page, as pip asks for it."""
        return self.get(f"/simple/{project}/", {"Accept": JSON_TYPE, **(headers or {})})

    def files_of(self, project: str) -> dict[str, str]:
        """The path of each file that the project's page lists here, by filename."""
        files = json.loads(self.page(project).body)["files"]
        return {file["filename"]: urljoin(f"/simple/{project}/", file["url"]) for file in files}

    def asked_for(self, path: str) -> list[Received]:
        """What came for this path."""
        return [request for request in self.received if request.path == path]

    def _upstream(self, tier: str) -> SimpleIndex | Parent:
        is_origin = tier == ORIGIN
        index = SimpleIndex(
            tier=Tier(name=tier, kind="origin" if is_origin else "sibling" if tier in self.siblings else "parent"),
            base_url=BASE if is_origin else f"http://{tier}.example:8141/simple/",
            agent=Agent.usingEndpointFactory(self.chain.clock, self.chain, HTTPConnectionPool(self.chain.clock)),
            clock=self.chain.clock,
            now=self.now,
            jitter=lambda: 0.0,
            pool=at_once,
            node_id=self.node_id,
            credentials=self._credentials(tier),
        )
        if is_origin:
            return index
        # Asks gather until the next turn, so that `settle` is enough for all that needs no time.
        return Parent(index=index, root_url=f"http://{tier}.example:8141/", gather_s=0.0)

    def _target(self, tier: str) -> Uploads:
        url = Target.parse(f"http://{tier}.example:8141/legacy/")
        pool = HTTPConnectionPool(self.chain.clock, persistent=False)
        requests = Requests(
            tier=Tier(name=tier, kind="parent"),
            agent=Agent.usingEndpointFactory(self.chain.clock, self.chain, pool),
            clock=self.chain.clock,
            now=self.now,
            jitter=lambda: 0.0,
            reach=Reach(own=url.host.name),
            node_id=self.node_id,
        )
        return Uploads(requests=requests, target=url, pool=at_once, boundary=lambda: "between-the-parts")

    def _credentials(self, tier: str) -> Credentials | None:
        if tier not in self.tokens:
            return None
        return credentials_of(Target.parse(f"http://{tier}.example:8141/"), token=self.tokens[tier])


@implementer(IAgentEndpointFactory)
@define(eq=False, repr=False)
class ChainOfNodes:
    """All nodes, and the index that any of them may have as the tier `origin`."""

    clock: Clock = field(factory=Clock)
    nodes: dict[str, JoinedNode] = field(factory=dict)
    index: TierHttp = field(init=False)
    _unreachable: dict[str, Exception | None] = field(factory=dict)
    _ends: list[End] = field(factory=list)
    _ends_at: dict[str, list[End]] = field(factory=dict)
    _ids: int = 0

    def __attrs_post_init__(self) -> None:
        self.index = TierHttp(clock=self.clock)

    def node(
        self,
        name: str,
        *tiers: str,
        ahead_s: float = 0.0,
        siblings: tuple[str, ...] = (),
        tokens: Mapping[str, str] | None = None,
        **config: Any,
    ) -> JoinedNode:
        """A node whose tiers are the nodes of these names, there already or not, and `ORIGIN`; `config` overrides."""
        own = evolve(CONFIG, node=evolve(CONFIG.node, name=name), **config)
        self.nodes[name] = JoinedNode(
            chain=self, name=name, tiers=tiers, config=own, ahead_s=ahead_s, siblings=siblings, tokens=tokens or {}
        )
        return self.nodes[name]

    def next_id(self) -> str:
        """An id for a new node; later nodes have greater ones."""
        self._ids += 1
        return f"{self._ids:016x}"

    def lists(
        self, project: str, *contents: tuple[str, bytes], age_s: int = 0, fields: Mapping[str, str] | None = None
    ) -> None:
        """Let the index have a project, for 600 s of freshness unless `fields` (of the head) say otherwise."""
        files = []
        for filename, content in contents:
            self.index.on(f"GET {FILES}{filename}", whole_or_part(content))
            self.index.on(f"HEAD {FILES}{filename}", http_answer(200, length=len(content)))
            hashes = {"sha256": sha256(content)}
            files.append({"filename": filename, "url": FILES + filename, "hashes": hashes, "size": len(content)})
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": ["1.0"], "files": files}
        body = json.dumps(page).encode()
        etag = f'"{sha256(body)}"'
        head = {"Content-Type": JSON_TYPE, "Cache-Control": "max-age=600", "Age": str(age_s), "ETag": etag}
        head.update(fields or {})

        def answer(request: FarRequest) -> bytes:
            if request.headers.get("if-none-match") == etag:
                return http_answer(304, headers=head, length=None)
            return http_answer(200, body, head)

        self.index.on(f"GET {BASE}{project}/", answer)

    def index_requests(self, project: str) -> int:
        """How often the index was asked for a project page."""
        return self.index.asked().count(f"GET {BASE}{project}/")

    def cut(self, name: str, *, silently: bool = False) -> None:
        """Let no new connection to a node (or `ORIGIN`) come about: it is refused, or `silently` stays pending."""
        error = None if silently else Refused()
        if name == ORIGIN:
            for host in ("index.example", "files.example"):
                self.index.no_connection(host, error)
        else:
            self._unreachable[name] = error

    def unplug(self, name: str) -> None:
        """Cut a node off silently, and let nothing pass on the connections to it that are open, without a word."""
        self.cut(name, silently=True)
        for end in self._ends_at.get(name, []):
            end.is_dead = True

    def join(self, name: str) -> None:
        """The end of a `cut` or `unplug`; what was open when it was unplugged stays dead."""
        if name == ORIGIN:
            for host in ("index.example", "files.example"):
                self.index.connections_again(host)
        else:
            del self._unreachable[name]

    def end_connections_to(self, name: str) -> None:
        """Break the connections from other nodes to one."""
        for end in self._ends_at.pop(name, []):
            end.abortConnection()

    def drop_connections(self) -> None:
        """Break every connection that is open, between nodes and to the index."""
        ends, self._ends = self._ends, []
        for end in ends:
            end.abortConnection()
        for wire in self.index.wires:
            wire.hang_up()
        self.settle()

    def settle(self) -> None:
        """Let all happen that is due now."""
        self.index.settle()

    def advance(self, seconds: float) -> None:
        """Let time pass, and then all happen that is due."""
        self.index.advance(seconds)

    def pass_time(self, seconds: float) -> None:
        """Let time pass as it does: in steps so small that no heartbeat of a feed comes late."""
        while seconds > 0:
            step_s = min(seconds, HEARTBEAT_S / 3)
            self.advance(step_s)
            seconds -= step_s

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        return _Endpoint(self, uri)

    def connect(self, uri: URI, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """Make a connection to the host of a URI."""
        host = uri.host.decode("ascii")
        name = host.removesuffix(".example")
        if name in self._unreachable:
            error = self._unreachable[name]
            return Deferred() if error is None else fail(error)
        node = self.nodes.get(name)
        if node is None:
            return self.index.connect(uri, factory)
        far = node.site.buildProtocol(None)
        near = factory.buildProtocol(None)  # type: ignore[arg-type]  # Twisted's client looks at no address
        assert near is not None
        ends = pipe(self.clock, near, far, near_host="192.0.2.1", far_host="192.0.2.2")
        self._ends += ends
        self._ends_at.setdefault(name, []).extend(ends)
        return succeed(near)


@implementer(IStreamClientEndpoint)
@define(repr=False)  # Twisted keeps the text of every endpoint
class _Endpoint:
    chain: ChainOfNodes
    uri: URI

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        return self.chain.connect(self.uri, protocolFactory)


def whole_or_part(content: bytes) -> Any:
    """A file as an index sends it: whole, or the range that was asked for."""

    def answer(request: FarRequest) -> bytes:
        asked = request.headers.get("range", "").removeprefix("bytes=")
        if not asked:
            return http_answer(200, content)
        first, _, last = asked.partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        stop = int(last) + 1 if first and last else len(content)
        part = content[start:stop]
        total = len(content)
        return http_answer(206, part, {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{total}"})

    return answer
