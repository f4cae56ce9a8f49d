"""`/api/v1/node` and `/api/v1/reserved`: what a node says of itself, and which names are reserved."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define
from twisted.web.server import Request

from tiercache.web.answer import JSON, Answer, json
from tiercache.web.route import Operation, Reply, Route
from tiercache.wire import NODE, RESERVED, ROOT, NodeState, Reserved

_NODE = Operation(
    name="getNode",
    about="What this node says of itself: its place in the chain, and what it offers.",
    replies={200: Reply(about="The node as it is now.", bodies={JSON: NodeState})},
)
_RESERVED = Operation(
    name="getReserved",
    about="The names that only this node, or one above it, may answer.",
    replies={200: Reply(about="The names.", bodies={JSON: Reserved})},
)


@define(kw_only=True)
class NodeRoutes:
    """`state` and `reserved` give what is true now."""

    _state: Callable[[], NodeState]
    _reserved: Callable[[], Reserved]

    def routes(self) -> tuple[Route, ...]:
        """The two routes."""
        return (
            Route(verb="GET", path=f"/{ROOT}{NODE}", act=self.node, permission="read", operation=_NODE),
            Route(verb="GET", path=f"/{ROOT}{RESERVED}", act=self.reserved, permission="read", operation=_RESERVED),
        )

    async def node(self, request: Request) -> Answer:
        """The node."""
        return json(self._state())

    async def reserved(self, request: Request) -> Answer:
        """The names."""
        return json(self._reserved())
