"""A company's chain of nodes in memory: developers, their offices, one private server, one public index.

Whole nodes on fake time (`tests.doubles.chain_of_nodes`).  What they are asked is `benchmarks.trace`'s; what comes of
it is told by `benchmarks.fleet`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urljoin

from attrs import define, field, frozen

from benchmarks.quick_clock import QuickClock
from benchmarks.trace import Scale, is_private, private_names, public_names
from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.far_index import BASE
from tests.doubles.small_node import sha256, wheel
from tests.doubles.tier_http import JSON_TYPE, Received, http_answer
from tests.doubles.wire import Reply
from tiercache.policy.selection import ProjectRule

PRIVATE = "private"
FILLER_BYTES = 2048
"""Of each wheel: what matters is how often it travels, so it is small enough for a thousand stores in memory."""


@define(eq=False)
class QuickChain(ChainOfNodes):
    """A chain that settles without looking at every call that is due some day."""

    clock: QuickClock = field(factory=QuickClock)

    def settle(self) -> None:
        self.clock.settle()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


@frozen(kw_only=True)
class Version:
    """One release of a project, which has one wheel."""

    number: int
    at: float
    filename: str
    content: bytes
    metadata: bytes


@frozen(kw_only=True)
class Got:
    """What one client got for one project: `behind_s` is for how long there had been a newer version, 0 for the newest.

    `failed`: an answer that was none.  `stale`: the node said that no tier had answered.
    """

    project: str
    behind_s: float = 0.0
    failed: bool = False
    stale: bool = False


@define(kw_only=True)
class Company:
    """All nodes, and what the index and the private server have."""

    scale: Scale
    chain: QuickChain = field(factory=QuickChain)
    versions: dict[str, list[Version]] = field(factory=dict)
    private: JoinedNode = field(init=False)
    offices: list[JoinedNode] = field(init=False)
    developers: list[JoinedNode] = field(init=False)
    origin_bytes: int = field(init=False, default=0)
    client_bytes: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        node = self.chain.node
        # Private names are asked of the private server alone, whatever is out of reach.
        self.private = node(PRIVATE, ORIGIN)
        self.offices = [
            node(f"office{number:02}", PRIVATE, ORIGIN, projects=_rules(PRIVATE, ORIGIN))
            for number in range(self.scale.offices)
        ]
        self.developers = [self._developer(number) for number in range(self.scale.developers)]
        for name in (*public_names(self.scale), *private_names(self.scale)):
            self.release(name)
        for child in (*self.offices, *self.developers):
            child.follow()

    def _developer(self, number: int) -> JoinedNode:
        office = f"office{number % self.scale.offices:02}"
        return self.chain.node(f"dev{number:04}", office, ORIGIN, projects=_rules(office, ORIGIN))

    @property
    def now_s(self) -> float:
        """Seconds since midnight."""
        return self.chain.clock.seconds()

    def until(self, at: float) -> None:
        """Let time pass."""
        self.chain.advance(max(0.0, at - self.now_s))

    @property
    def origin_requests(self) -> int:
        """How many requests the index has had."""
        return len(self.chain.index.requests)

    # -- releases ---------------------------------------------------------------------------------------------

    def release(self, project: str) -> None:
        """Let there be a new version of a project."""
        there = self.versions.setdefault(project, [])
        number = len(there) + 1
        stem = project.replace("-", "_")
        metadata = f"Metadata-Version: 2.1\nName: {project}\nVersion: {number}.0\n".encode()
        content = wheel(stem, f"{number}.0", metadata, filler=FILLER_BYTES)
        filename = f"{stem}-{number}.0-py3-none-any.whl"
        there.append(Version(number=number, at=self.now_s, filename=filename, content=content, metadata=metadata))
        if is_private(project):
            self.private.host(project, filename, content)
        else:
            self._list(project)

    def _list(self, project: str) -> None:
        listed = []
        for version in self.versions[project]:
            url = FILES + version.filename
            self._serve(f"GET {url}", version.content)
            self._serve(f"GET {url}.metadata", version.metadata)
            listed.append(
                {
                    "filename": version.filename,
                    "url": url,
                    "hashes": {"sha256": sha256(version.content)},
                    "size": len(version.content),
                    "core-metadata": {"sha256": sha256(version.metadata)},
                }
            )
        body = json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": listed, "versions": []}).encode()
        head = {"Content-Type": JSON_TYPE, "Cache-Control": "max-age=600", "ETag": f'"{sha256(body)}"'}
        self._serve(f"GET {BASE}{project}/", body, head)

    def _serve(self, request: str, body: bytes, head: Mapping[str, str] | None = None) -> None:
        etag = (head or {}).get("ETag")
        whole, unchanged = http_answer(200, body, head), http_answer(304, headers=head, length=None)

        def answer(received: Received) -> bytes:
            is_known = etag is not None and received.headers.get("if-none-match") == etag
            self.origin_bytes += 0 if is_known else len(body)
            return unchanged if is_known else whole

        self.chain.index.on(request, answer)

    # -- installs ---------------------------------------------------------------------------------------------

    def install(self, developer: int, project: str) -> Got:
        """What a client of a developer's node gets that has nothing itself: page, core metadata and file of the newest
        version that it sees."""
        node = self.developers[developer]
        page = self._get(node, f"/simple/{project}/", {"Accept": JSON_TYPE})
        if page is None or page.status != 200:
            return Got(project=project, failed=True)
        said = page.headers.get("cache-status", "").rpartition(", ")[2]
        stale = "fwd=stale" in said and "fwd-status" not in said
        newest = max(json.loads(page.body)["files"], key=lambda file: _number_of(file["filename"]))
        path = urljoin(f"/simple/{project}/", newest["url"])
        wanted = [path] if not newest.get("core-metadata") else [f"{path}.metadata", path]
        for one in wanted:
            reply = self._get(node, one)
            if reply is None or reply.status != 200 or not reply.is_complete:
                return Got(project=project, failed=True, stale=stale)
        return Got(project=project, behind_s=self._behind_s(project, _number_of(newest["filename"])), stale=stale)

    def _behind_s(self, project: str, number: int) -> float:
        newer = [version.at for version in self.versions[project] if version.number > number]
        return self.now_s - min(newer) if newer else 0.0

    def _get(self, node: JoinedNode, path: str, headers: Mapping[str, str] | None = None) -> Reply | None:
        """A reply, however long it takes up to a client's own patience."""
        connection = node.begin(path, headers)
        for _ in range(60):
            if connection.received:
                break
            self.chain.advance(0.25)
        reply = connection.reply() if connection.received else None
        connection.leave()
        self.chain.settle()
        self.client_bytes += len(reply.body) if reply is not None else 0
        return reply


def _number_of(filename: str) -> int:
    return int(filename.split("-")[1].partition(".")[0])


def _rules(inner: str, public: str) -> tuple[ProjectRule, ...]:
    return (
        ProjectRule(match=("acme-*",), tiers=(inner,)),
        ProjectRule(match=("*",), tiers=(inner, public)),
    )
