"""Routes as a resource: Klein matches paths, and is told to redirect nothing, since its redirects are built from the
Host field.

Klein (by werkzeug) writes and compiles code for each path.  So what matches is made once in a process, and bound to
who answers, of whom there are many where there are many nodes: in tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache

from attrs import frozen
from klein import Klein
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Request

from tiercache.web.answer import IStanding
from tiercache.web.errors import answer_to
from tiercache.web.guard import Guard
from tiercache.web.request import ask_of
from tiercache.web.respond import Responder
from tiercache.web.route import Route

Keep = Callable[[Request, IStanding], None]
"""Is told of an answer that may be given again to whoever asks for the same as this request."""


def mounted(routes: Sequence[Route], *, guard: Guard, responder: Responder, keep: Keep) -> IResource:
    """A resource of these routes.  Raises ValueError where two are for the same."""
    by_target = {(route.verb, route.path): route for route in routes}
    if len(by_target) < len(routes):
        counts = Counter(f"{route.verb} {route.path}" for route in routes)
        raise ValueError(f"more than one route for {', '.join(name for name, count in counts.items() if count > 1)}")
    mount = _Mount(routes=by_target, guard=guard, responder=responder, keep=keep)
    return _matching(tuple(by_target)).__get__(mount, _Mount).resource()


_Target = tuple[str, str]
"""Verb and path."""


@frozen(kw_only=True, eq=False)
class _Mount:
    """Who answers.  Errors become answers here: `errors` says which."""

    routes: Mapping[_Target, Route]
    guard: Guard
    responder: Responder
    keep: Keep

    async def answer(self, target: _Target, request: Request, parameters: Mapping[str, str]) -> None:
        answer = await self.guard.answer(self.routes[target], request, parameters)
        if answer.standing is not None:
            self.keep(request, answer.standing)
        await self.responder.send(request, answer)

    async def fail(self, request: Request, failure: Failure) -> None:
        only_if_cached = ask_of(request, local=False).only_if_cached and not request.path.startswith(b"/local/")
        method, path = request.method.decode("ascii", "replace"), request.path.decode("ascii", "replace")
        await self.responder.send(request, answer_to(failure, method=method, path=path, only_if_cached=only_if_cached))


@cache
def _matching(targets: tuple[_Target, ...]) -> Klein:
    app = Klein()
    app.url_map.merge_slashes = False
    for target in targets:
        verb, path = target
        app.route(path, methods=[verb], endpoint=f"{verb} {path}")(_answered(target))

    @app.handle_errors(Exception)  # type: ignore[arg-type]  # Klein states IRequest, and gives twisted.web's Request
    async def failed(mount: _Mount, request: Request, failure: Failure) -> None:
        await mount.fail(request, failure)

    return app


def _answered(target: _Target) -> Callable[..., Awaitable[None]]:
    async def answered(mount: _Mount, request: Request, **parameters: str) -> None:
        await mount.answer(target, request, parameters)

    return answered
