"""The whole site, mounted in one screen.

A route is a coroutine from a request to an `Answer`; `mounted` makes a resource of routes, `Responder` writes what they
answer, and `errors` says what became of one that raised.
"""

# ruff: noqa: N802, N815  # the names of IResource

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from attrs import define
from twisted.web.resource import IResource
from twisted.web.server import Request
from zope.interface import implementer

from tiercache.interfaces import Pool
from tiercache.web.answer import IStanding
from tiercache.web.files import FileRoutes
from tiercache.web.guard import Guard
from tiercache.web.health import Health
from tiercache.web.mounted import Keep, mounted
from tiercache.web.respond import Responder
from tiercache.web.route import Permission, Route
from tiercache.web.simple import SimplePages
from tiercache.web.stage import Stage
from tiercache.wire import CHANGES, FILES, NODE, PAGES, RESERVED, ROOT

GET = "GET"  # HEAD comes with GET; OPTIONS is answered by the table of errors


def forgotten(request: Request, standing: IStanding) -> None:
    """Keep none."""


READ: Permission = "read"
OPEN = None


AT_ONCE = (b"/simple/", b"/local/", b"/files/", b"/healthz", b"/readyz")
"""What a node can be asked for from the first moment on: nothing else is found below these by GET or HEAD."""

ASKED_BY_NODES = frozenset(f"/{ROOT}{one}".encode() for one in (NODE, RESERVED, CHANGES))
"""What nodes ask for by GET; files besides, and pages by POST."""

PAGES_FOR_NODES = f"/{ROOT}{PAGES}".encode()
FILES_FOR_NODES = f"/{ROOT}{FILES}/".encode()


def application(
    *,
    simple: SimplePages,
    local: SimplePages,
    files: FileRoutes,
    local_files: FileRoutes,
    health: Health,
    load_for_nodes: Callable[[], Awaitable[object]],
    for_nodes: Callable[[], Sequence[Route]],
    load: Callable[[], Awaitable[object]],
    more: Callable[[], Sequence[Route]],
    pool: Pool,
    guard: Guard,
    responder: Responder,
    keep: Keep = forgotten,
) -> Application:
    """The resource of the whole site.

    `for_nodes` gives the routes for other nodes, once `load_for_nodes` has ended; `more` all those beside pages and
    files, once `load` has.  `keep` is told of each answer by the target that was asked for.
    """
    routes = [
        Route(verb=GET, path=path, act=act, permission=permission)
        for path, act, permission in (
            ("/simple", simple.missing_slash_of_list, READ),
            ("/simple/", simple.project_list, READ),
            ("/simple/<project>", simple.missing_slash, READ),
            ("/simple/<project>/", simple.project_page, READ),
            ("/local", local.missing_slash_of_list, READ),
            ("/local/", local.project_list, READ),
            ("/local/<project>", local.missing_slash, READ),
            ("/local/<project>/", local.project_page, READ),
            ("/files/<segment>/<filename>", files.by_identity, READ),
            ("/local/files/<segment>/<filename>", local_files.by_identity, READ),
            ("/packages/<path:directories>/<filename>", files.by_filename, READ),
            ("/healthz", health.alive, OPEN),
            ("/readyz", health.ready, OPEN),
        )
    ]
    mount = partial(mounted, guard=guard, responder=responder, keep=keep)
    return Application(
        at_once=mount(routes),
        for_nodes=Stage(load=load_for_nodes, routes=for_nodes, mounted=mount, pool=pool),
        everything=Stage(load=load, routes=lambda: [*routes, *more()], mounted=mount, pool=pool),
    )


@implementer(IResource)
@define(kw_only=True, eq=False)
class Application:
    """What is asked for most is there at once; what other nodes ask for, and everything, that included, are put
    together when they are first needed."""

    _at_once: IResource
    _for_nodes: Stage
    _everything: Stage
    isLeaf: bool = True

    @property
    def whole(self) -> IResource:
        """Everything, put together at once if it was not before."""
        return self._everything.resource

    @property
    def for_nodes(self) -> IResource:
        """What other nodes ask for, the same."""
        return self._for_nodes.resource

    def render(self, request: Request) -> object:
        """See `IResource`."""
        if request.method in (b"GET", b"HEAD"):
            if request.path.startswith(AT_ONCE):
                return self._at_once.render(request)
            if request.path in ASKED_BY_NODES or request.path.startswith(FILES_FOR_NODES):
                return self._for_nodes.render(request)
        elif request.method == b"POST" and request.path == PAGES_FOR_NODES:
            return self._for_nodes.render(request)
        return self._everything.render(request)

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """See `IResource`; a leaf has no children."""
        raise LookupError(name)

    def putChild(self, path: bytes, child: IResource) -> None:
        """See `IResource`; a leaf has no children."""
        raise LookupError(path)
