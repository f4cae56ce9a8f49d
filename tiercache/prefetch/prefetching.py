"""What carries prefetches out, put together from a node's parts: what `tiercache.node` calls."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Callable
from functools import partial

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from tiercache.access.permissions import Permissions
from tiercache.access.principals import Principal
from tiercache.access.tokens import IssuedToken
from tiercache.cache.tokens import Tokens
from tiercache.config import PrefetchConfig
from tiercache.errors import ResolverFailed, TokenAbsent
from tiercache.interfaces import Pool
from tiercache.interfaces.documents import IDocuments
from tiercache.interfaces.resolver import IResolver, Question
from tiercache.prefetch.asking import Asking
from tiercache.prefetch.bringing_in import BringingIn
from tiercache.prefetch.building import Building
from tiercache.prefetch.cached import Cached
from tiercache.prefetch.carrying_out import CarryingOut
from tiercache.prefetch.closing import Closing
from tiercache.prefetch.environments import Machine, own_target
from tiercache.prefetch.handing_on import HandingOn
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.inputs.read import read
from tiercache.prefetch.jobs import Jobs
from tiercache.prefetch.keep_warm import KeepWarm
from tiercache.prefetch.locating import Locating
from tiercache.prefetch.readiness import Readiness
from tiercache.prefetch.stored import StoredFiles
from tiercache.simple.model import ProjectName
from tiercache.wire.prefetch import Wanted


@implementer(IResolver)
class NoResolver:
    """A node without one still takes files that are resolved already."""

    async def resolve(self, question: Question) -> str:
        """See `IResolver`."""
        raise ResolverFailed(reason="this node has none")


def this_machine() -> Machine:
    """The machine that this program runs on."""
    return Machine(
        python=platform.python_version(),
        system=platform.system(),
        machine=platform.machine(),
        libc=platform.libc_ver(),
    )


@frozen(kw_only=True)
class PrefetchEdges:
    """What prefetches need of the world: see `IResolver` and `IDocuments`; `documents` None: there are none.

    `new_id` gives a name for a job, made by chance.
    """

    resolver: IResolver = field(factory=NoResolver)
    documents: IDocuments | None = None
    machine: Callable[[], Machine] = this_machine
    new_id: Callable[[], str] = secrets.token_hex


@define(kw_only=True)
class Prefetching:
    """The jobs, and what begins some by itself."""

    jobs: Jobs
    _keep_warm: KeepWarm | None

    def start(self) -> None:
        """Go on with what was not over when the node stopped."""
        self.jobs.start()
        if self._keep_warm is not None:
            self._keep_warm.start()

    async def stop(self) -> None:
        """Begin nothing more, and leave what is under way to the next start."""
        if self._keep_warm is not None:
            await self._keep_warm.stop()
        await self.jobs.stop()


def prefetching_of(
    config: PrefetchConfig,
    cached: Cached,
    edges: PrefetchEdges,
    *,
    permissions: Permissions,
    groups_of: Callable[[str], frozenset[str] | None],
    clock: IReactorTime,
    now: Callable[[], float],
    pool: Pool,
) -> Prefetching:
    """All of it; `permissions`: who may read and prefetch what, `groups_of` as in `Jobs`."""

    def may_read(principal: Principal, project: ProjectName) -> bool:
        return project in permissions.scope(principal, "read")

    asking = Asking(resolver=edges.resolver, pool=pool)
    stored = StoredFiles(pages=cached.pages, files=cached.files)
    jobs = Jobs(
        carrying_out=CarryingOut(
            read=lambda wanted: pool(inputs_of, wanted),
            closing=Closing(
                asking=asking,
                building=Building(stored_files=cached.stored_files, pool=pool),
                pages=cached.pages,
                stored=stored,
                may_read=may_read,
                own_target=lambda: own_target(edges.machine()),
                clock=clock,
                pool=pool,
            ),
            readiness=Readiness(
                asking=asking, stored=stored, sidecars=cached.sidecars, may_read=may_read, clock=clock, pool=pool
            ),
            locating=Locating(files=cached.files, listings=cached.listings, permissions=permissions),
            handing_on=HandingOn(chain=cached.chain),
            bringing_in=BringingIn(
                files=cached.files,
                pages=cached.pages,
                sidecars=cached.sidecars,
                clock=clock,
                now=now,
                most=config.concurrency,
            ),
            clock=clock,
            now=now,
        ),
        kept=cached.catalogue.kept_jobs,
        token=partial(live_token, cached.tokens),
        groups_of=groups_of,
        clock=clock,
        now=now,
        pool=pool,
        new_id=edges.new_id,
    )
    if edges.documents is None:
        return Prefetching(jobs=jobs, keep_warm=None)
    keep_warm = KeepWarm(
        places=config.keep_warm,
        every_s=config.keep_warm_every_s,
        documents=edges.documents,
        jobs=jobs,
        journal=cached.journal,
        clock=clock,
    )
    return Prefetching(jobs=jobs, keep_warm=keep_warm)


def inputs_of(wanted: Wanted) -> Inputs:
    """What was handed in, read."""
    return read(wanted.documents, wanted.constraints, groups=wanted.groups, extras=wanted.extras)


def live_token(tokens: Tokens, token_id: str) -> IssuedToken | None:
    """An issued token, if it is still worth something."""
    try:
        token = tokens.by_id(token_id)
    except TokenAbsent:
        return None
    return token if tokens.is_live(token) else None
