"""The routes of what comes after publishing, joined."""

from __future__ import annotations

from tiercache.cache.deleted import DeletedFiles
from tiercache.cache.hosted import Hosted
from tiercache.interfaces import ICatalogue
from tiercache.publish.promotion import Promoter
from tiercache.web.acts import ActRoutes
from tiercache.web.projects import ProjectRoutes
from tiercache.web.promote import PromoteRoute
from tiercache.web.route import Route


def managing_routes(
    *, hosted: Hosted, deleted: DeletedFiles, promoter: Promoter, catalogue: ICatalogue
) -> tuple[Route, ...]:
    """What who may manage projects does with them."""
    return (
        *ProjectRoutes(hosted=hosted, deleted=deleted).routes(),
        *PromoteRoute(promoter=promoter).routes(),
        *ActRoutes(catalogue=catalogue).routes(),
    )
