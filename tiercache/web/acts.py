"""`/api/v1/acts`: the audit trail, who did what to hosted projects and when."""

from __future__ import annotations

from typing import Annotated

import msgspec
from attrs import define, frozen
from twisted.web.server import Request

from tiercache.interfaces import ICatalogue
from tiercache.policy.acts import Act
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise
from tiercache.web.answer import JSON, Answer, json
from tiercache.web.projects import PROJECT, WRONG
from tiercache.web.request import parameter_of
from tiercache.web.route import Operation, Parameter, Reply, Route
from tiercache.web.stated import number_of
from tiercache.web.visitor import refusal, scope_of

MOST, USUALLY = 1000, 100
"""How many acts one answer has at most, and where nothing is said of it."""

_LAST_NUMBER = 10**18 - 1

SINCE = Parameter(
    name="since",
    place="query",
    type=Annotated[int, msgspec.Meta(ge=0, le=_LAST_NUMBER)],
    about="Those after this number; without it the newest.",
)
AT_MOST = Parameter(
    name="most", place="query", type=Annotated[int, msgspec.Meta(ge=1, le=MOST)], about="How many at most."
)
OF = Parameter(name="project", place="query", type=str, about="Those on this project alone.")


@frozen(kw_only=True)
class ActsShown:
    """Acts, oldest first; to read on, ask for those since the number of the last."""

    acts: list[Act]


@define(kw_only=True)
class ActRoutes:
    """Shows the audit trail."""

    _catalogue: ICatalogue

    def routes(self) -> tuple[Route, ...]:
        """All of it is for who may administer, that of a project for who may manage it."""
        replies = {200: Reply(about="The acts.", bodies={JSON: ActsShown})}
        every = Operation(
            name="getActs",
            about="What was done to hosted projects, by whom and when.",
            parameters=(OF, SINCE, AT_MOST),
            replies=replies,
            problems=WRONG | {404: "That is no project's name."},
        )
        of_one = Operation(
            name="getActsOfProject",
            about="What was done to a project, by whom and when.",
            parameters=(PROJECT, SINCE, AT_MOST),
            replies=replies,
            problems=WRONG | {404: "That is no project's name."},
        )
        path = "/api/v1/acts"
        one = "/api/v1/projects/<project>/acts"
        return (
            Route(verb="GET", path=path, act=self.show, permission="administer", operation=every),
            Route(verb="GET", path=one, act=self.show_of, permission="manage", operation=of_one),
        )

    async def show(self, request: Request) -> Answer:
        """Those of every project that who asks may administer."""
        scope = scope_of(request, "administer")
        stated = parameter_of(request, "project")
        if stated is not None and normalise(stated) not in scope:
            raise refusal(request, "administer")
        acts = self._acts(request, None if stated is None else normalise(stated))
        return json(ActsShown(acts=[act for act in acts if scope.is_all or ProjectName(act.project) in scope]))

    async def show_of(self, request: Request, project: str) -> Answer:
        """Those of one."""
        return json(ActsShown(acts=self._acts(request, normalise(project))))

    def _acts(self, request: Request, project: ProjectName | None) -> list[Act]:
        since = number_of(request, "since", least=0, most=_LAST_NUMBER)
        most = number_of(request, "most", least=1, most=MOST)
        return list(self._catalogue.acts(project, since, USUALLY if most is None else most))
