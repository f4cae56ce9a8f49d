"""The routes of uploads: where a node publishes files, hands them on to a tier, or says that it does neither."""

from __future__ import annotations

from tiercache.interfaces import IFiles, Pool
from tiercache.publish.forwarding import Forwarding
from tiercache.publish.publisher import Publisher
from tiercache.web.forward import HandingOn
from tiercache.web.publish import Destination, Hosting, UploadRoutes, refusing_routes
from tiercache.web.route import Route


def uploading_routes(
    to: str, *, publisher: Publisher, forwarding: Forwarding | None, files: IFiles, pool: Pool, limit_bytes: int
) -> tuple[Route, ...]:
    """`to` as `publish.to` has it; `forwarding` is the way to a tier that it names."""
    destination: Destination
    if forwarding is not None:
        destination = HandingOn(forwarding=forwarding, pool=pool, limit_bytes=limit_bytes)
    elif to == "here":
        destination = Hosting(publisher=publisher, limit_bytes=limit_bytes)
    else:
        return refusing_routes()
    routes = UploadRoutes(destination=destination, files=files, pool=pool, is_for_others=forwarding is not None)
    return routes.routes()
