"""The routes of prefetches, joined."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from tiercache.interfaces import Pool
from tiercache.web.prefetch import IJobs, PrefetchRoutes
from tiercache.web.requirements_txt import RequirementsTxt
from tiercache.web.route import Route


def prefetch_routes(jobs: IJobs, *, clock: IReactorTime, pool: Pool, write_timeout_s: float) -> tuple[Route, ...]:
    """What who may prefetch asks for."""
    routes = PrefetchRoutes(jobs=jobs, clock=clock, pool=pool, write_timeout_s=write_timeout_s)
    return (*routes.routes(), *RequirementsTxt(jobs=jobs, pool=pool).routes())
