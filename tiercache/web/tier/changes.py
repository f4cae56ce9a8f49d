"""`/api/v1/changes`: what a node's journal says, at once, after a wait, or as a feed that goes on."""

from __future__ import annotations

import re
from typing import Annotated, cast

from attrs import define, frozen
from msgspec import Meta
from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorTime
from twisted.web.server import Request

from tiercache.policy.news import Position
from tiercache.web.answer import JSON, NO_STORE, Answer, json, problem
from tiercache.web.channel import NodeRequest
from tiercache.web.request import field_of, parameter_of
from tiercache.web.route import Operation, Parameter, Reply, Route
from tiercache.web.tier.feed import Feed, IJournal, Place
from tiercache.web.tier.subscriber import Subscriber
from tiercache.wire import CHANGES, EVENT_STREAM, LONGEST_WAIT_S, ROOT, Changes

_EPOCH = r"[!-~]{1,64}"
_SERIAL = r"[0-9]{1,18}"
_WAIT = r"[0-9]{1,3}"

_PARAMETERS = (
    Parameter(
        name="epoch",
        place="query",
        type=Annotated[str, Meta(pattern=f"^{_EPOCH}$")],
        about="Of the journal that `since` is a serial of; without it the present one.",
    ),
    Parameter(
        name="since",
        place="query",
        type=Annotated[int, Meta(ge=0, le=10**18 - 1)],
        about="The serial after which the changes are wanted; without it those to come.",
    ),
    Parameter(
        name="wait",
        place="query",
        type=Annotated[int, Meta(ge=0, le=int(LONGEST_WAIT_S))],
        about="How many seconds to wait for a change while there is none.",
    ),
    Parameter(
        name="Last-Event-ID",
        place="header",
        type=Annotated[str, Meta(pattern=f"^({_EPOCH}:{_SERIAL})?$")],
        about="Of a feed: the id of the last event that was read; it goes before `epoch` and `since`.",
    ),
)

_CHANGES = Operation(
    name="getChanges",
    about="What changed on this node, or with `Accept: text/event-stream` a feed of it that goes on.",
    parameters=_PARAMETERS,
    replies={
        200: Reply(
            about="The changes, oldest first; of a feed server-sent events named `reset`, `change` and `live`.",
            bodies={JSON: Changes, EVENT_STREAM: str},
        )
    },
)


@frozen(kw_only=True)
class _Asked:
    """Where the caller is, None for nowhere yet; and how long it waits for news, in seconds."""

    since: Position | None
    wait_s: int


class _Unclear(Exception):
    """What was asked cannot be read; the message says of what."""


@define(kw_only=True)
class ChangeRoutes:
    """The journal, as the nodes below read it."""

    _journal: IJournal
    _feed: Feed
    _clock: IReactorTime
    _write_timeout_s: float

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (Route(verb="GET", path=f"/{ROOT}{CHANGES}", act=self.changes, permission="read", operation=_CHANGES),)

    async def changes(self, request: Request) -> Answer:
        """The changes since a position: at once, or when there are some, or as they come."""
        try:
            asked = _asked(request, self._journal.told)
        except _Unclear as unclear:
            return problem(400, str(unclear))
        if _wants_feed(request):
            return self._followed(asked)
        since = asked.since or self._journal.told
        found = self._journal.changes(since)
        if asked.wait_s and not found.reset and not found.changes and request.method != b"HEAD":
            await self._news(request, asked.wait_s)
            found = self._journal.changes(since)
        return json(found, {"Vary": "Accept"})

    def _followed(self, asked: _Asked) -> Answer:
        stream = Subscriber(
            place=Place(position=asked.since),
            feed=self._feed,
            clock=self._clock,
            write_timeout_s=self._write_timeout_s,
        )
        fields = {
            "Content-Type": EVENT_STREAM,
            "Cache-Control": NO_STORE,
            "Vary": "Accept",
            "X-Accel-Buffering": "no",  # what nginx and others heed that would else hold news back
        }
        return Answer(headers=fields, stream=stream)

    async def _news(self, request: Request, wait_s: float) -> None:
        """Wait for the next change, but no longer than `wait_s` seconds, nor until the node has stopped."""
        change = self._feed.change()
        alarm = self._clock.callLater(wait_s, change.cancel)
        is_over = False

        def end() -> None:
            nonlocal is_over
            is_over = True
            change.cancel()

        cast("NodeRequest", request).when_draining(end)
        try:
            await change
        except CancelledError:
            if alarm.active() and not is_over:  # the client has left
                raise
        finally:
            if alarm.active():
                alarm.cancel()


def _wants_feed(request: Request) -> bool:
    accepted = (field_of(request, "accept") or "").lower().split(",")
    return any(member.partition(";")[0].strip() == EVENT_STREAM for member in accepted)


def _asked(request: Request, now_at: Position) -> _Asked:
    wait = parameter_of(request, "wait")
    if wait is not None and (not re.fullmatch(_WAIT, wait) or int(wait) > LONGEST_WAIT_S):
        raise _Unclear(f"`wait` is to be a number of seconds, {LONGEST_WAIT_S:.0f} at most.")
    return _Asked(since=_since(request, now_at), wait_s=int(wait or 0))


def _since(request: Request, now_at: Position) -> Position | None:
    last = field_of(request, "last-event-id") or ""
    if last and not re.fullmatch(f"{_EPOCH}:{_SERIAL}", last):
        raise _Unclear("`Last-Event-ID` is to be the id of an event of this feed.")
    epoch, since = parameter_of(request, "epoch"), parameter_of(request, "since")
    if epoch is not None and not re.fullmatch(_EPOCH, epoch):
        raise _Unclear("`epoch` is to be what this node called it.")
    if since is not None and not re.fullmatch(_SERIAL, since):
        raise _Unclear("`since` is to be a serial of the journal.")
    if last:
        return Position.parse(last)
    if epoch is None and since is None:
        return None
    return Position(
        epoch=now_at.epoch if epoch is None else epoch, serial=now_at.serial if since is None else int(since)
    )
