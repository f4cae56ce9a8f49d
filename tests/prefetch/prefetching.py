"""A small node that carries prefetches out, with the parts that resolve made up by a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import Deferred

from tests.doubles.now import at_once, begun, result_of
from tests.doubles.small_node import SmallNode
from tests.doubles.upstream import ScriptedUpstream
from tiercache.access.permissions import Permissions
from tiercache.access.principals import Principal
from tiercache.access.tokens import IssuedToken
from tiercache.errors.prefetch import ResolverFailed
from tiercache.prefetch.bringing_in import BringingIn
from tiercache.prefetch.carrying_out import CarryingOut
from tiercache.prefetch.closure import Closure
from tiercache.prefetch.handing_on import HandingOn
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.jobs import Jobs
from tiercache.prefetch.keep_warm import KeepWarm
from tiercache.prefetch.locating import Locating
from tiercache.simple.model import File
from tiercache.simple.names import candidate_projects
from tiercache.wire.prefetch import Document, JobState, Report, Unparseable, Wanted, WantedFile

OWN = Principal(is_local=True)
"""Who is of the node's own machine."""

STARTED: list[PrefetchingNode] = []
"""The nodes of a test, which are stopped at its end."""

REQUIREMENTS = Wanted(documents=(Document(name="requirements.txt", text="numpy\n"),))


def files_wanted(*files: File, **what: Any) -> Wanted:
    """Exactly these files."""
    return Wanted(files=tuple(map(wanted_file, files)), **what)


def wanted_file(file: File, **what: Any) -> WantedFile:
    """A file as a closure names it; `what` overrides."""
    project = candidate_projects(file.filename)[0]
    plain = WantedFile(project=project, version="1.0", filename=file.filename, hashes=dict(file.hashes), size=file.size)
    return evolve(plain, **what)


@define
class ScriptedClosing:
    """What the requirements of every job come to; it may wait for `gate` first, or raise.

    `here`: what they come to by the store alone, None where the resolver fails with that, too.
    """

    files: tuple[WantedFile, ...] = ()
    building: list[tuple[WantedFile, ...]] = field(factory=list)
    raising: Exception | None = None
    gate: Deferred[None] | None = None
    here: Closure | None = None
    asked: int = 0

    async def closure(self, wanted: Wanted, inputs: Inputs, for_whom: Principal) -> Closure:
        self.asked += 1
        if self.gate is not None:
            await self.gate
        if self.raising is not None:
            raise self.raising
        return Closure(files=self.files, targets=())

    async def closure_here(self, wanted: Wanted, inputs: Inputs, for_whom: Principal) -> Closure:
        if self.here is None:
            raise ResolverFailed(reason="this node has none")
        return self.here

    async def build_closure(self, wanted: Wanted, closure: Closure, for_whom: Principal) -> Closure:
        more = self.building.pop(0) if self.building else ()
        return evolve(closure, files=(*closure.files, *more))


@define
class ScriptedReadiness:
    """Says that everything is ready."""

    asked: list[Closure] = field(factory=list)

    async def report(self, wanted: Wanted, inputs: Inputs, closure: Closure, for_whom: Principal) -> Report:
        self.asked.append(closure)
        return Report(ready=True)


async def read(wanted: Wanted) -> Inputs:
    """Each line of a document is a requirement, but for those that begin with a dash."""
    lines = [(document.name, line) for document in wanted.documents for line in document.text.splitlines()]
    return Inputs(
        requirements=tuple(line for _, line in lines if not line.startswith("-")),
        unparseable=tuple(
            Unparseable(document=name, text=line, reason="an option") for name, line in lines if line.startswith("-")
        ),
    )


@define(kw_only=True)
class PrefetchingNode:
    """A node, and its jobs."""

    node: SmallNode
    closing: ScriptedClosing = field(factory=ScriptedClosing)
    readiness: ScriptedReadiness = field(factory=ScriptedReadiness)
    permissions: Permissions = field(factory=Permissions)
    concurrency: int = 8
    tokens: dict[str, IssuedToken] = field(factory=dict)
    groups: dict[str, frozenset[str]] = field(factory=dict)
    ids: int = 0
    warm: KeepWarm | None = None
    jobs: Jobs = field(init=False)

    def __attrs_post_init__(self) -> None:
        parts, node = self.node.parts, self.node
        self.jobs = Jobs(
            carrying_out=CarryingOut(
                read=read,
                closing=self.closing,
                readiness=self.readiness,
                locating=Locating(files=parts.files, listings=parts.listings, permissions=self.permissions),
                handing_on=HandingOn(chain=parts.chain),
                bringing_in=BringingIn(
                    files=parts.files,
                    pages=parts.pages,
                    sidecars=parts.sidecars,
                    clock=node.clock,
                    now=node.clock.seconds,
                    most=self.concurrency,
                ),
                clock=node.clock,
                now=node.clock.seconds,
            ),
            kept=node.catalogue.kept_jobs,
            token=self.tokens.get,
            groups_of=self.groups.get,
            clock=node.clock,
            now=node.clock.seconds,
            pool=at_once,
            new_id=self._new_id,
        )
        self.jobs.start()
        STARTED.append(self)

    def stop(self) -> None:
        """End what is under way."""
        if self.warm is not None:
            begun(self.warm.stop())
        for ending in (self.jobs.stop(), self.node.parts.files.stop()):
            begun(ending)

    def _new_id(self) -> str:
        self.ids += 1
        return f"job-{self.ids}"

    def submit(self, wanted: Wanted, for_whom: Principal = OWN, **more: Any) -> str:
        """Submit a job, and let happen what needs no time; its id."""
        id_ = result_of(self.jobs.submit(wanted, for_whom, **more)).id
        self.node.clock.advance(0)
        return id_

    def carried_out(self, wanted: Wanted, for_whom: Principal = OWN) -> JobState:
        """Submit a job that needs no time, and how it ended."""
        return result_of(self.jobs.ended(self.submit(wanted, for_whom)))

    def outcomes(self, job: str) -> Mapping[str, tuple[str, str | None]]:
        """What became of each file, and why."""
        return {file.filename: (file.outcome, file.reason) for file in self.jobs.state(job).files}

    def pass_time(self, seconds: float) -> None:
        """Let time pass in small steps."""
        while seconds > 0:
            self.node.clock.advance(min(seconds, 0.1))
            seconds -= 0.1


def prefetching(*tiers: ScriptedUpstream, **what: Any) -> PrefetchingNode:
    """A node in front of these tiers."""
    return PrefetchingNode(node=SmallNode(upstreams=list(tiers)), **what)
