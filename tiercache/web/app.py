"""The whole site, mounted in one screen.

A route is a coroutine from a request to an `Answer`; `Responder` writes it, and `errors` says what became of one that
raised.  Klein matches paths; it is told to redirect nothing, since its redirects are built from the Host field.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from klein import Klein
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Request

from tiercache.web.answer import IStanding
from tiercache.web.errors import answer_to
from tiercache.web.files import FileRoutes
from tiercache.web.guard import Guard
from tiercache.web.health import Health
from tiercache.web.legacy_json import LegacyJson
from tiercache.web.openapi import OpenApi
from tiercache.web.request import ask_of
from tiercache.web.respond import Responder
from tiercache.web.route import Permission, Route
from tiercache.web.simple import SimplePages
from tiercache.web.welcome import Welcome

GET, PUT = "GET", "PUT"  # HEAD comes with GET; OPTIONS is answered by the table of errors

Keep = Callable[[Request, IStanding], None]
"""Is told of an answer that may be given again to whoever asks for the same as this request."""


def forgotten(request: Request, standing: IStanding) -> None:
    """Keep none."""


READ: Permission = "read"
OPEN = None


def application(
    *,
    welcome: Welcome,
    simple: SimplePages,
    local: SimplePages,
    files: FileRoutes,
    local_files: FileRoutes,
    legacy_json: LegacyJson,
    publish: Sequence[Route],
    manage: Sequence[Route],
    operate: Sequence[Route],
    tier: Sequence[Route],
    openapi: OpenApi,
    health: Health,
    guard: Guard,
    responder: Responder,
    keep: Keep = forgotten,
) -> IResource:
    """The resource of the whole site.

    `keep` is told of each answer by the target that was asked for.

    `publish` are the routes of those who publish, `manage` those for what is hosted, `tier` is what this node offers to
    others, `operate` what to its operator.
    """
    routes = [
        Route(verb=verb, path=path, act=act, permission=permission)
        for verb, path, act, permission in (
            (GET, "/", welcome.page, OPEN),
            (GET, "/simple", simple.missing_slash_of_list, READ),
            (GET, "/simple/", simple.project_list, READ),
            (GET, "/simple/<project>", simple.missing_slash, READ),
            (GET, "/simple/<project>/", simple.project_page, READ),
            (GET, "/local", local.missing_slash_of_list, READ),
            (GET, "/local/", local.project_list, READ),
            (GET, "/local/<project>", local.missing_slash, READ),
            (GET, "/local/<project>/", local.project_page, READ),
            (GET, "/files/<segment>/<filename>", files.by_identity, READ),
            (GET, "/local/files/<segment>/<filename>", local_files.by_identity, READ),
            (GET, "/packages/<path:directories>/<filename>", files.by_filename, READ),
            (GET, "/pypi/<project>/json", legacy_json.project, READ),
            (GET, "/pypi/<project>/<version>/json", legacy_json.release, READ),
            (GET, "/healthz", health.alive, OPEN),
            (GET, "/readyz", health.ready, OPEN),
        )
    ]
    api = [*operate, *manage, *tier]
    routes += [*publish, *api, *openapi.routes(api)]
    app = Klein()
    app.url_map.merge_slashes = False
    for route in routes:
        app.route(route.path, methods=[route.verb], endpoint=f"{route.verb} {route.path}")(
            _answered(route, guard, responder, keep)
        )

    @app.handle_errors(Exception)  # type: ignore[arg-type]  # Klein states IRequest, and gives twisted.web's Request
    async def failed(request: Request, failure: Failure) -> None:
        only_if_cached = ask_of(request, local=False).only_if_cached and not request.path.startswith(b"/local/")
        method, path = request.method.decode("ascii", "replace"), request.path.decode("ascii", "replace")
        await responder.send(request, answer_to(failure, method=method, path=path, only_if_cached=only_if_cached))

    return app.resource()


def _answered(route: Route, guard: Guard, responder: Responder, keep: Keep) -> Callable[..., Awaitable[None]]:
    async def answered(request: Request, **parameters: str) -> None:
        answer = await guard.answer(route, request, parameters)
        if answer.standing is not None:
            keep(request, answer.standing)
        await responder.send(request, answer)

    return answered
