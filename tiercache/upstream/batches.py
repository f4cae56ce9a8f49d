"""Page asks to a node, gathered into `POST /pages`: many pages, few exchanges.

The first ask is sent at once.  Asks that come while others are under way are gathered for a moment, the longer the
more exchanges there are; each is answered as soon as its line has come.  What a line means is in `page_line.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.errors import NotANode, ProjectAbsent
from tiercache.interfaces import Pool
from tiercache.policy.entry import NotModified, Present
from tiercache.policy.hops import Hops
from tiercache.policy.retry import Fault
from tiercache.simple.model import ProjectName
from tiercache.upstream.body import body_of
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.ndjson import Lines
from tiercache.upstream.offers import Offers
from tiercache.upstream.page_line import Exchange, ReadLine, read_line
from tiercache.upstream.reach import warn_of_refused
from tiercache.upstream.requests import Reply, Requests
from tiercache.upstream.simple_index import HEAVY_BYTES
from tiercache.upstream.target import Target
from tiercache.upstream.wanted import expect
from tiercache.wire import MOST_PROJECTS, NDJSON, PAGES, PagesWanted, PageWanted

RELEASES = 3
"""Of how many releases of a project the sidecars may come along: resolvers read the newest first."""

GATHER_S = 0.002
"""How long asks gather while one exchange is under way; twice as long with each more."""

LONGEST_GATHER_S = 0.05

MOST_UNDER_WAY = 8
"""Exchanges with one node at a time.  Further asks gather until one has ended."""

MID_LINE_S = 1.0
"""Who waits longer than the deadline to the first byte, while a line is just coming, waits this much more: it may be
the line that is waited for."""

_log = Logger()

_Key = tuple[Hops, bool]
_Outcome = Present | NotModified | ProjectAbsent


@define(kw_only=True, eq=False)
class _Waiter:
    """One ask, which waits for its line: `alarm` is its own deadline."""

    done: Deferred[_Outcome]
    alarm: IDelayedCall


@define(kw_only=True, eq=False)
class _Batch:
    """Asks that go out in one exchange.  `etags` are all that was asked for, `waiting` who waits for what of it."""

    key: _Key
    requests: Requests
    etags: dict[ProjectName, str | None] = field(factory=dict)
    waiting: dict[ProjectName, list[_Waiter]] = field(factory=dict)
    answered: set[ProjectName] = field(factory=set)
    timer: IDelayedCall | None = None
    exchange: Deferred[None] | None = None
    is_sent: bool = False
    lines: Lines | None = None

    def takes(self, project: ProjectName, etag: str | None) -> bool:
        """Whether an ask can still join."""
        if project in self.etags:
            return self.etags[project] == etag
        return len(self.etags) < MOST_PROJECTS


@define(kw_only=True, eq=False)
class Batches:
    """The exchanges with one node; `pages` is where they go, and `root` the node's root.

    `longest_line_bytes` bounds a page with its sidecars, decoded.
    """

    _root: Target
    _pages: Target
    _offers: Offers
    _clock: IReactorTime
    _now: Callable[[], float]
    _pool: Pool
    _longest_line_bytes: int
    _gather_s: float = GATHER_S
    _gathering: dict[_Key, _Batch] = field(factory=dict, init=False)
    _under_way: set[_Batch] = field(factory=set, init=False)

    async def page(self, requests: Requests, project: ProjectName, etag: str | None, no_cache: bool) -> _Outcome:
        """Ask for one page, by the way that `requests` goes.

        Returns what its line says, ProjectAbsent included, for the caller to raise.  Raises Unanswered, and NotANode
        where the tier does not offer pages in batches.
        """
        batch = self._joined((requests.hops, no_cache), requests, project, etag)
        waiter = self._waiter(batch, project)
        if not batch.is_sent and batch.timer is None:
            self._send_soon(batch)
        return await waiter.done

    # -- gathering --------------------------------------------------------------------------------------------

    def _joined(self, key: _Key, requests: Requests, project: ProjectName, etag: str | None) -> _Batch:
        batch = self._gathering.get(key)
        if batch is not None and not batch.takes(project, etag):
            self._send(batch)
            batch = None
        if batch is None:
            batch = self._gathering[key] = _Batch(key=key, requests=requests)
        batch.etags[project] = etag
        return batch

    def _waiter(self, batch: _Batch, project: ProjectName) -> _Waiter:
        def left(_done: Deferred[_Outcome]) -> None:
            self._leave(batch, project, waiter)

        waiter = _Waiter(
            done=Deferred(left),
            alarm=self._clock.callLater(self._first_byte_s(batch), lambda: self._late(batch, project, waiter)),
        )
        batch.waiting.setdefault(project, []).append(waiter)
        return waiter

    def _send_soon(self, batch: _Batch) -> None:
        """Send it now if nothing is under way, else in a moment; if too much is, when something has ended."""
        under_way = len(self._under_way)
        if not under_way:
            self._send(batch)
        elif under_way < MOST_UNDER_WAY:
            delay_s = min(LONGEST_GATHER_S, self._gather_s * 2 ** (under_way - 1))
            batch.timer = self._clock.callLater(delay_s, self._send, batch)

    def _send(self, batch: _Batch) -> None:
        del self._gathering[batch.key]
        if batch.timer is not None and batch.timer.active():
            batch.timer.cancel()
        batch.is_sent = True
        for waiters in batch.waiting.values():
            for waiter in waiters:
                waiter.alarm.reset(self._first_byte_s(batch))
        self._under_way.add(batch)
        batch.exchange = ensureDeferred(self._exchange(batch))
        batch.exchange.addErrback(self._broke, batch)

    def _ended(self, batch: _Batch) -> None:
        if batch not in self._under_way:
            return
        self._under_way.discard(batch)
        for gathered in list(self._gathering.values()):
            is_waiting = self._gathering.get(gathered.key) is gathered  # one that was just sent may have ended others
            if is_waiting and (gathered.timer is None or not self._under_way):
                self._send_soon(gathered)

    # -- who waits --------------------------------------------------------------------------------------------

    def _first_byte_s(self, batch: _Batch) -> float:
        return batch.requests.deadlines.first_byte_s

    def _late(self, batch: _Batch, project: ProjectName, waiter: _Waiter) -> None:
        if batch.lines is not None and batch.lines.held_bytes:
            waiter.alarm = self._clock.callLater(MID_LINE_S, self._late, batch, project, waiter)
            return
        first_byte_s = self._first_byte_s(batch)
        reason = f"it did not answer within {first_byte_s:g} s"
        if not batch.is_sent:
            reason = f"{MOST_UNDER_WAY} requests before this one had no answer within {first_byte_s:g} s"
        waiter.done.errback(Unanswered(reason=reason, fault=Fault.SILENCE))
        self._leave(batch, project, waiter)

    def _leave(self, batch: _Batch, project: ProjectName, waiter: _Waiter) -> None:
        """One waiter less; with the last of them the exchange is given up."""
        if waiter.alarm.active():
            waiter.alarm.cancel()
        waiters = batch.waiting.get(project, [])
        if waiter in waiters:
            waiters.remove(waiter)
        if not waiters:
            batch.waiting.pop(project, None)
        if batch.waiting:
            return
        if batch.is_sent:
            if batch.exchange is not None:
                batch.exchange.cancel()
        elif self._gathering.get(batch.key) is batch:
            del self._gathering[batch.key]
            if batch.timer is not None and batch.timer.active():
                batch.timer.cancel()

    def _answer(self, batch: _Batch, project: ProjectName, outcome: _Outcome | Unanswered | NotANode) -> None:
        for waiter in batch.waiting.pop(project, ()):
            if waiter.alarm.active():
                waiter.alarm.cancel()
            if waiter.done.called:
                continue  # it left because of one that was answered before it
            if isinstance(outcome, Unanswered | NotANode):
                waiter.done.errback(Failure(evolve(outcome)))  # each its own: a traceback is kept in it
            else:
                waiter.done.callback(outcome)

    def _fail(self, batch: _Batch, failed: Unanswered | NotANode) -> None:
        for project in list(batch.waiting):
            self._answer(batch, project, failed)

    # -- the exchange -----------------------------------------------------------------------------------------

    async def _exchange(self, batch: _Batch) -> None:
        try:
            await self._ask(batch)
        except (Unanswered, NotANode) as failed:
            self._fail(batch, failed)
        finally:
            self._ended(batch)

    def _broke(self, failure: Failure, batch: _Batch) -> None:
        if failure.check(CancelledError) is None:
            _log.failure("pages were asked for in vain", failure)
        self._fail(batch, Unanswered(reason="its answer was given up here"))

    async def _ask(self, batch: _Batch) -> None:
        wanted = PagesWanted(
            projects=tuple(PageWanted(name=project, etag=etag) for project, etag in batch.etags.items()),
            metadata=RELEASES,
        )
        fields = {"Accept": NDJSON, "Accept-Encoding": "gzip", "Content-Type": "application/json"}
        if batch.key[1]:
            fields["Cache-Control"] = "no-cache"
        requested_at = self._now()
        reply = await batch.requests.ask("POST", self._pages, fields, body=msgspec.json.encode(wanted))
        expect(reply, NDJSON, PAGES, requests=batch.requests, offers=self._offers)
        longest = self._longest_line_bytes
        body = body_of(
            reply.response,
            self._clock,
            silence_s=batch.requests.deadlines.silence_s,
            limit_bytes=(longest + 1) * (len(batch.etags) + 1),
            reason_if_larger="it sends more than it was asked for",
        )
        try:
            batch.lines = Lines(
                body=body,
                coding=reply.headers.get("content-encoding", ""),
                longest_bytes=longest,
                pool=self._pool,
            )
            while (data := await batch.lines.read()) is not None:
                await self._take(batch, data, reply, requested_at)
                if len(batch.answered) == len(batch.etags):
                    self._ended(batch)  # what is left is the end of the body, which saves the connection
        finally:
            batch.lines = None
            body.close()
        self._fail(batch, Unanswered(reason="its answer has no line for this project"))

    async def _take(self, batch: _Batch, data: bytes, reply: Reply, requested_at: float) -> None:
        exchange = Exchange(
            tier=batch.requests.tier.name,
            root=self._root if reply.target == self._pages else reply.target.join("../../"),
            reach=batch.requests.reach,
            requested_at=requested_at,
            received_at=self._now(),
        )
        read = partial(read_line, data, exchange, batch.etags)
        line: ReadLine = await self._pool(read) if len(data) > HEAVY_BYTES else read()
        project = ProjectName(line.name)
        if project in batch.answered:
            raise Unanswered(reason=f"it sent two lines for {project}")
        batch.answered.add(project)
        warn_of_refused(line.refused, tier=exchange.tier, project=project)
        self._answer(batch, project, line.outcome)
