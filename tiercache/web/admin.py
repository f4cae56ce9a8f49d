"""`/api/v1/offline`, `/api/v1/reservations`: what the operator of a running node does to it.

To do so takes the node's control token, which whoever may read the store's folder can read.
"""

from __future__ import annotations

from typing import Any

import msgspec
from attrs import define, frozen
from twisted.web.server import Request

from tiercache.cache.reserved import ReservedNames
from tiercache.cache.switch import OfflineSwitch
from tiercache.simple.names import normalise
from tiercache.web.answer import JSON, Answer, json, problem
from tiercache.web.route import Operation, Parameter, Reply, Route


@frozen(kw_only=True)
class Offline:
    """Whether no tier may be asked."""

    offline: bool


@define(kw_only=True)
class OfflineRoute:
    """Shows and sets the switch."""

    _switch: OfflineSwitch

    def routes(self) -> tuple[Route, ...]:
        """To ask, and to switch; the latter is held by the token, not by a grant."""
        replies = {200: Reply(about="How it is set now.", bodies={JSON: Offline})}
        path = "/api/v1/offline"
        show = Operation(name="getOffline", about="Whether this node asks its tiers.", replies=replies)
        put = Operation(
            name="setOffline", about="Let this node ask its tiers, or no longer.", replies=replies, body=Offline
        )
        return (
            Route(verb="GET", path=path, act=self.show, permission="read", operation=show),
            Route(verb="PUT", path=path, act=self.put, permission="operate", operation=put),
        )

    async def show(self, request: Request) -> Answer:
        """`{"offline": true|false}`."""
        return json({"offline": self._switch.is_offline})

    async def put(self, request: Request) -> Answer:
        """Set it to what the body says, in the same form, and show it."""
        wanted = _offline_of(request.content.read() if request.content is not None else b"")
        if wanted is None:
            return problem(400, 'The body is to be {"offline": true} or {"offline": false}.')
        await self._switch.set(wanted)
        return await self.show(request)


@frozen(kw_only=True)
class ReservedName:
    """A name that only some may answer: whether its project is `hosted` here, and the tiers that announce it."""

    name: str
    hosted: bool
    announced_by: tuple[str, ...]


@frozen(kw_only=True)
class ReservedNamesShown:
    """Every reserved name, sorted; `complete` is False while a parent has not said all of its own yet."""

    complete: bool
    names: tuple[ReservedName, ...]


@define(kw_only=True)
class ReservationRoutes:
    """Shows the reserved names and who reserves them, and releases one."""

    _reserved: ReservedNames

    def routes(self) -> tuple[Route, ...]:
        """Both are for the operator alone: the list says which tiers there are."""
        path = "/api/v1/reservations"
        show = Operation(
            name="getReservations",
            about="The reserved names, and by whom.",
            replies={200: Reply(about="The names.", bodies={JSON: ReservedNamesShown})},
        )
        release = Operation(
            name="releaseName",
            about="Drop what tiers have announced of a name; one that still has it will say so again.",
            parameters=(Parameter(name="project", place="path", type=str, about="The name."),),
            replies={200: Reply(about="What is left of it.", bodies={JSON: ReservedName})},
            problems={404: "No tier announces this name.", 409: "The project is hosted here: it is no tier's word."},
        )
        return (
            Route(verb="GET", path=path, act=self.show, permission="operate", operation=show),
            Route(verb="DELETE", path=f"{path}/<project>", act=self.release, permission="operate", operation=release),
        )

    async def show(self, request: Request) -> Answer:
        """All of them."""
        names = tuple(
            ReservedName(name=name, hosted=by.hosted, announced_by=by.announced_by)
            for name, by in self._reserved.everything().items()
        )
        return json(ReservedNamesShown(complete=self._reserved.announced().complete, names=names))

    async def release(self, request: Request, project: str) -> Answer:
        """Release one."""
        name = normalise(project)
        was_announced = await self._reserved.release(name)
        by = self._reserved.by(name)
        if not was_announced:
            status = 409 if by.hosted else 404
            return problem(status, f"{name} is hosted here." if by.hosted else f"No tier announces the name {name}.")
        return json(ReservedName(name=name, hosted=by.hosted, announced_by=by.announced_by))


def _offline_of(body: bytes) -> bool | None:
    try:
        stated: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(stated, dict) or set(stated) != {"offline"} or not isinstance(stated["offline"], bool):
        return None
    return stated["offline"]
