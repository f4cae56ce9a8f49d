"""A small node whose prefetches are resolved, by a resolver in memory, over what its one tier lists."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.task import Clock

from tests.doubles.now import at_once, result_of
from tests.doubles.resolver import ResolverInMemory
from tests.doubles.small_node import SmallNode, listed, scripted, sdist, wheel
from tests.doubles.upstream import ScriptedUpstream
from tiercache.access.principals import Principal
from tiercache.interfaces import Pool
from tiercache.prefetch.asking import Asking
from tiercache.prefetch.building import Building
from tiercache.prefetch.closing import Closing
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.inputs.inputs import Inputs, LockedFile, LockedRelease
from tiercache.prefetch.readiness import Readiness
from tiercache.prefetch.stored import StoredFiles
from tiercache.simple.model import File, ProjectName
from tiercache.wire.prefetch import Report, Target, Wanted

LINUX = Target(python="3.12", platform="x86_64-manylinux_2_28")
WINDOWS = Target(python="3.12", platform="windows")
OLD = Target(python="3.9", platform="x86_64-manylinux_2_28")
ALICE = Principal(user="alice")
BOTH = Wanted(targets=(LINUX, WINDOWS))
ONE = Wanted(targets=(LINUX,))


def metadata(name: str, version: str, *requires: str, head: str = "") -> bytes:
    lines = [f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n{head}"]
    return "".join([*lines, *(f"Requires-Dist: {one}\n" for one in requires)]).encode()


def wheel_of(name: str, version: str, *requires: str, tags: str = "py3-none-any", head: str = "") -> tuple[str, bytes]:
    """A wheel's name, and its bytes."""
    content = wheel(name, version, metadata(name, version, *requires, head=head), filler=64 * len(tags))
    return f"{name}-{version}-{tags}.whl", content


def sdist_of(name: str, version: str, *requires: str, pyproject: str | None = None) -> tuple[str, bytes]:
    """An sdist's name, and its bytes."""
    before = [] if pyproject is None else [("pyproject.toml", pyproject.encode())]
    return f"{name}-{version}.tar.gz", sdist(name, version, metadata(name, version, *requires), before=before)


def locked(project: str, version: str, *files: LockedFile, **more: Any) -> LockedRelease:
    return LockedRelease(project=ProjectName(project), version=version, files=files, **more)


def as_locked(file: File) -> LockedFile:
    return LockedFile(filename=file.filename, hashes=file.hashes, size=file.size)


@define(kw_only=True)
class ClosingNode:
    """`unreadable`: the projects that nobody may read but `ALICE`."""

    unreadable: set[str] = field(factory=set)
    tier: ScriptedUpstream = field(factory=scripted)
    pool: Pool = at_once
    clock: Clock = field(factory=Clock)
    node: SmallNode = field(init=False)
    resolver: ResolverInMemory = field(init=False)
    closing: Closing = field(init=False)
    readiness: Readiness = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node = SmallNode(upstreams=[self.tier])
        parts = self.node.parts
        self.resolver = ResolverInMemory.of(parts)
        asking = Asking(resolver=self.resolver, pool=at_once)
        stored = StoredFiles(pages=parts.pages, files=parts.files)
        self.closing = Closing(
            asking=asking,
            building=Building(stored_files=parts.stored_files, pool=at_once),
            pages=parts.pages,
            stored=stored,
            may_read=self._may_read,
            own_target=lambda: LINUX,
            clock=self.clock,
            pool=self.pool,
        )
        self.readiness = Readiness(
            asking=asking,
            stored=stored,
            sidecars=parts.sidecars,
            may_read=self._may_read,
            clock=self.clock,
            pool=self.pool,
        )

    def lists(self, project: str, *contents: tuple[str, bytes], **what: Any) -> tuple[File, ...]:
        """Have the tier list files of a project."""
        return listed(self.tier, project, *contents, **what)

    def closure(self, wanted: Wanted, *requirements: str, for_whom: Principal = ALICE, **more: Any) -> Closure:
        inputs = Inputs(requirements=requirements, **more)
        return result_of(self.closing.closure(wanted, inputs, for_whom))

    def report(
        self, wanted: Wanted, closure: Closure, *requirements: str, for_whom: Principal = ALICE, **more: Any
    ) -> Report:
        inputs = Inputs(requirements=requirements, **more)
        return result_of(self.readiness.report(wanted, inputs, closure, for_whom))

    def bring_in(self, closure: Closure, *but: str) -> None:
        """Have the files of a closure in the store, but for some."""
        for wanted in closure.files:
            if wanted.filename not in but:
                file = File(filename=wanted.filename, url="", hashes=wanted.hashes)
                result_of(self.node.content(file))

    def _may_read(self, principal: Principal, project: ProjectName) -> bool:
        return project not in self.unreadable or principal == ALICE


def names(closure: Closure) -> list[str]:
    """The files of a closure."""
    return [file.filename for file in closure.files]
