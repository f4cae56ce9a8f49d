"""`POST /api/v1/promote`: a release of this node, a stage, for another tier."""

from __future__ import annotations

from attrs import define, frozen
from twisted.web.server import Request

from tiercache.errors import RequestMalformed
from tiercache.publish.promotion import Promoter
from tiercache.simple.names import normalise
from tiercache.web.answer import JSON, Answer, json
from tiercache.web.request import hops_of
from tiercache.web.route import Operation, Reply, Route
from tiercache.web.stated import body_of
from tiercache.web.visitor import refusal, scope_of, who_of

LONGEST_FIELD = 8192


@frozen(kw_only=True)
class Promote:
    """What is to be promoted, and to which tier.

    `authorization`: the Authorization field that the tier is shown (`Basic ...`, `Bearer ...`), if it wants one.  What
    opens this node is never shown to it.
    """

    project: str
    version: str
    to: str
    authorization: str | None = None


@frozen(kw_only=True)
class Promoted:
    """A release that the tier has all of: what it `took` now, and what was `there`."""

    project: str
    version: str
    to: str
    taken: list[str]
    there: list[str]


@define(kw_only=True)
class PromoteRoute:
    """Promotes."""

    _promoter: Promoter

    def routes(self) -> tuple[Route, ...]:
        """For who may manage the project; whether the tier takes it is the tier's word."""
        operation = Operation(
            name="promote",
            about="Hand every file of a release to another tier, as uploads.",
            body=Promote,
            replies={200: Reply(about="The tier has all of it.", bodies={JSON: Promoted})},
            problems={
                400: "What is said is not what is asked for.",
                403: "This project is not to be published to this tier.",
                404: "No such project or release is hosted here.",
                409: "The release is not promoted; how much of it the tier has is said.",
            },
        )
        return (Route(verb="POST", path="/api/v1/promote", act=self.promote, permission="manage", operation=operation),)

    async def promote(self, request: Request) -> Answer:
        """Promote one."""
        asked = body_of(request, Promote)
        project = normalise(asked.project)
        if project not in scope_of(request, "manage"):
            raise refusal(request, "manage")
        shown = asked.authorization
        if shown is not None and not (shown.isascii() and shown.isprintable() and len(shown) <= LONGEST_FIELD):
            raise RequestMalformed(reason="authorization is no field of HTTP")
        done = await self._promoter.promote(
            project, asked.version, asked.to, authorization=shown, by=who_of(request), hops=hops_of(request)
        )
        return json(
            Promoted(
                project=project, version=done.version, to=done.tier, taken=list(done.taken), there=list(done.there)
            )
        )
