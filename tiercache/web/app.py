"""The whole site, mounted in one screen.

A route is a coroutine from a request to an `Answer`; `Responder` writes it, and `errors` says what became of one that
raised.  Klein matches paths; it is told to redirect nothing, since its redirects are built from the Host field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Request

from tiercache.web.admin import OfflineRoute
from tiercache.web.answer import Answer
from tiercache.web.errors import answer_to
from tiercache.web.files import FileRoutes
from tiercache.web.health import Health
from tiercache.web.legacy_json import LegacyJson
from tiercache.web.request import ask_of
from tiercache.web.respond import Responder
from tiercache.web.simple import SimplePages
from tiercache.web.welcome import Welcome

Route = Callable[Concatenate[Request, ...], Awaitable[Answer]]

GET, PUT = "GET", "PUT"  # HEAD comes with GET; OPTIONS is answered by the table of errors


def application(
    *,
    welcome: Welcome,
    simple: SimplePages,
    local: SimplePages,
    files: FileRoutes,
    local_files: FileRoutes,
    legacy_json: LegacyJson,
    offline: OfflineRoute,
    health: Health,
    responder: Responder,
) -> IResource:
    """The resource of the whole site."""
    routes: list[tuple[str, str, Route]] = [
        (GET, "/", welcome.page),
        (GET, "/simple", simple.missing_slash_of_list),
        (GET, "/simple/", simple.project_list),
        (GET, "/simple/<project>", simple.missing_slash),
        (GET, "/simple/<project>/", simple.project_page),
        (GET, "/local", local.missing_slash_of_list),
        (GET, "/local/", local.project_list),
        (GET, "/local/<project>", local.missing_slash),
        (GET, "/local/<project>/", local.project_page),
        (GET, "/files/<segment>/<filename>", files.by_identity),
        (GET, "/local/files/<segment>/<filename>", local_files.by_identity),
        (GET, "/packages/<path:directories>/<filename>", files.by_filename),
        (GET, "/pypi/<project>/json", legacy_json.project),
        (GET, "/pypi/<project>/<version>/json", legacy_json.release),
        (GET, "/api/v1/offline", offline.show),
        (PUT, "/api/v1/offline", offline.put),
        (GET, "/healthz", health.alive),
        (GET, "/readyz", health.ready),
    ]
    app = Klein()
    app.url_map.merge_slashes = False
    for verb, path, route in routes:
        app.route(path, methods=[verb], endpoint=f"{verb} {path}")(_answered(route, responder))

    @app.handle_errors(Exception)  # type: ignore[arg-type]  # Klein states IRequest, and gives twisted.web's Request
    async def failed(request: Request, failure: Failure) -> None:
        only_if_cached = ask_of(request, local=False).only_if_cached and not request.path.startswith(b"/local/")
        method, path = request.method.decode("ascii", "replace"), request.path.decode("ascii", "replace")
        await responder.send(request, answer_to(failure, method=method, path=path, only_if_cached=only_if_cached))

    return app.resource()


def _answered(route: Route, responder: Responder) -> Callable[..., Awaitable[None]]:
    async def answered(request: Request, **parameters: str) -> None:
        await responder.send(request, await route(request, **parameters))

    return answered
