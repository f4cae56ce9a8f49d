"""Page asks to a node, gathered into `POST /pages`: many pages, few exchanges.

The first ask is sent at once.  Asks that come while others are under way are gathered for a moment, the longer the
more exchanges there are; each is answered as soon as its line has come.  A line may promise others that nobody asked
for, which come behind it in the same answer: an ask for one of these waits for its line, and is sent only where the
promise is not kept.  What a line means is in `page_line.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from tiercache.errors import NotANode
from tiercache.interfaces import Pool
from tiercache.policy.entry import Present
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import Hops
from tiercache.policy.retry import Fault
from tiercache.simple.model import ProjectName
from tiercache.upstream.batch import Batch, Kind, Outcome, Waiter, kind_of
from tiercache.upstream.body import body_of
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.ndjson import Lines
from tiercache.upstream.offers import Offers
from tiercache.upstream.page_line import Exchange, ReadLine, promise_in, read_line
from tiercache.upstream.reach import warn_of_refused
from tiercache.upstream.requests import Reply, Requests
from tiercache.upstream.simple_index import HEAVY_BYTES
from tiercache.upstream.target import Target
from tiercache.upstream.wanted import expect
from tiercache.wire import NDJSON, PAGES

GATHER_S = 0.002
"""How long asks gather while one exchange is under way; twice as long with each more."""

LONGEST_GATHER_S = 0.05

MOST_UNDER_WAY = 8
"""Exchanges with one node at a time.  Further asks gather until one has ended."""

MID_LINE_S = 1.0
"""Who waits longer than the deadline to the first byte, while a line is just coming, waits this much more: it may be
the line that is waited for."""

_log = Logger()


class _NotKept(Exception):  # nobody's error: the ask is sent after all
    """A line that was promised has not come."""


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
    _gathering: dict[Kind, Batch] = field(factory=dict, init=False)
    _promised: dict[tuple[Hops, ProjectName], Batch] = field(factory=dict, init=False)
    _under_way: set[Batch] = field(factory=set, init=False)

    async def page(
        self, requests: Requests, project: ProjectName, etag: str | None, no_cache: bool, hints: Hints = NO_HINTS
    ) -> Outcome:
        """Ask for one page, by the way that `requests` goes.

        Returns what its line says, ProjectAbsent included, for the caller to raise.  Raises Unanswered, and NotANode
        where the tier does not offer pages in batches.
        """
        # Of a request that came another way nothing is waited for: the two may be waiting for each other above.
        promising = None if no_cache else self._promised.get((requests.hops, project))
        if promising is not None:
            with suppress(_NotKept):
                return await self._waiter(promising, project).done
            # Who breaks promises is asked for no more of them: else one ask could lead to any number.
            hints = evolve(hints, neighbours=0)
        batch = self._joined(kind_of(requests.hops, no_cache, hints), requests, project, etag)
        batch.hints.setdefault(project, hints)
        waiter = self._waiter(batch, project)
        if not batch.is_sent and batch.timer is None:
            self._send_soon(batch)
        return await waiter.done

    # -- gathering --------------------------------------------------------------------------------------------

    def _joined(self, kind: Kind, requests: Requests, project: ProjectName, etag: str | None) -> Batch:
        batch = self._gathering.get(kind)
        if batch is not None and not batch.takes(project, etag):
            self._send(batch)
            batch = None
        if batch is None:
            batch = self._gathering[kind] = Batch(kind=kind, requests=requests)
        batch.etags[project] = etag
        return batch

    def _waiter(self, batch: Batch, project: ProjectName) -> Waiter:
        def left(_done: Deferred[Outcome]) -> None:
            self._leave(batch, project, waiter)

        waiter = Waiter(
            done=Deferred(left),
            alarm=self._clock.callLater(self._first_byte_s(batch), lambda: self._late(batch, project, waiter)),
        )
        batch.waiting.setdefault(project, []).append(waiter)
        return waiter

    def _send_soon(self, batch: Batch) -> None:
        """Send it now if nothing is under way, else in a moment; if too much is, when something has ended."""
        under_way = len(self._under_way)
        if not under_way:
            self._send(batch)
        elif under_way < MOST_UNDER_WAY:
            delay_s = min(LONGEST_GATHER_S, self._gather_s * 2 ** (under_way - 1))
            batch.timer = self._clock.callLater(delay_s, self._send, batch)

    def _send(self, batch: Batch) -> None:
        del self._gathering[batch.kind]
        if batch.timer is not None and batch.timer.active():
            batch.timer.cancel()
        batch.is_sent = True
        for waiters in batch.waiting.values():
            for waiter in waiters:
                waiter.alarm.reset(self._first_byte_s(batch))
        self._under_way.add(batch)
        batch.exchange = ensureDeferred(self._exchange(batch))
        batch.exchange.addErrback(self._broke, batch)

    def _ended(self, batch: Batch) -> None:
        if batch not in self._under_way:
            return
        self._under_way.discard(batch)
        for gathered in list(self._gathering.values()):
            is_waiting = self._gathering.get(gathered.kind) is gathered  # one that was just sent may have ended others
            if is_waiting and (gathered.timer is None or not self._under_way):
                self._send_soon(gathered)

    # -- who waits --------------------------------------------------------------------------------------------

    def _first_byte_s(self, batch: Batch) -> float:
        return batch.requests.deadlines.first_byte_s

    def _late(self, batch: Batch, project: ProjectName, waiter: Waiter) -> None:
        if batch.lines is not None and batch.lines.held_bytes:
            waiter.alarm = self._clock.callLater(MID_LINE_S, self._late, batch, project, waiter)
            return
        first_byte_s = self._first_byte_s(batch)
        reason = f"it did not answer within {first_byte_s:g} s"
        if not batch.is_sent:
            reason = f"{MOST_UNDER_WAY} requests before this one had no answer within {first_byte_s:g} s"
        late = Unanswered(reason=reason, fault=Fault.SILENCE)
        waiter.done.errback(late if project in batch.etags else _NotKept())
        self._leave(batch, project, waiter)

    def _leave(self, batch: Batch, project: ProjectName, waiter: Waiter) -> None:
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
        elif self._gathering.get(batch.kind) is batch:
            del self._gathering[batch.kind]
            if batch.timer is not None and batch.timer.active():
                batch.timer.cancel()

    def _answer(self, batch: Batch, project: ProjectName, outcome: Outcome | Unanswered | NotANode) -> None:
        """Give all that wait for one project what came of it; a promise that came to nothing is not kept."""
        self._end_promise(batch, project)
        for waiter in batch.waiting.pop(project, ()):
            if waiter.alarm.active():
                waiter.alarm.cancel()
            if waiter.done.called:
                continue  # it left because of one that was answered before it
            if isinstance(outcome, Unanswered | NotANode) and project not in batch.etags:
                waiter.done.errback(_NotKept())
            elif isinstance(outcome, Unanswered | NotANode):
                waiter.done.errback(Failure(evolve(outcome)))  # each its own: a traceback is kept in it
            else:
                waiter.done.callback(outcome)

    def _fail(self, batch: Batch, failed: Unanswered | NotANode) -> None:
        for project in [*batch.waiting, *batch.promised]:
            self._answer(batch, project, failed)

    # -- the exchange -----------------------------------------------------------------------------------------

    async def _exchange(self, batch: Batch) -> None:
        try:
            await self._ask(batch)
        except (Unanswered, NotANode) as failed:
            self._fail(batch, failed)
        finally:
            self._ended(batch)

    def _broke(self, failure: Failure, batch: Batch) -> None:
        if failure.check(CancelledError) is None:
            _log.failure("pages were asked for in vain", failure)
        self._fail(batch, Unanswered(reason="its answer was given up here"))

    async def _ask(self, batch: Batch) -> None:
        fields = {"Accept": NDJSON, "Accept-Encoding": "gzip", "Content-Type": "application/json"}
        if batch.kind.no_cache:
            fields["Cache-Control"] = "no-cache"
        requested_at = self._now()
        reply = await batch.requests.ask("POST", self._pages, fields, body=batch.body())
        expect(reply, NDJSON, PAGES, requests=batch.requests, offers=self._offers)
        longest = self._longest_line_bytes
        body = body_of(
            reply.response,
            self._clock,
            silence_s=batch.requests.deadlines.silence_s,
            limit_bytes=(longest + 1) * (len(batch.etags) + batch.kind.neighbours + 1),
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

    async def _take(self, batch: Batch, data: bytes, reply: Reply, requested_at: float) -> None:
        exchange = Exchange(
            tier=batch.requests.tier.name,
            root=self._root if reply.target == self._pages else reply.target.join("../../"),
            reach=batch.requests.reach,
            requested_at=requested_at,
            received_at=self._now(),
        )
        if batch.promised and self._is_passed_over(batch, data):
            return
        read = partial(read_line, data, exchange, {**batch.etags, **dict.fromkeys(batch.promised)})
        line: ReadLine = await self._pool(read) if len(data) > HEAVY_BYTES else read()
        project = ProjectName(line.name)
        if project in batch.answered:
            raise Unanswered(reason=f"it sent two lines for {project}")
        (batch.answered if project in batch.etags else batch.came_along).add(project)
        self._end_promise(batch, project)
        warn_of_refused(line.refused, tier=exchange.tier, project=project)
        promised = self._promise(batch, line.follows)
        outcome = line.outcome
        if isinstance(outcome, Present) and outcome.follows != promised:
            outcome = evolve(outcome, follows=promised)
        self._answer(batch, project, outcome)

    # -- what nobody asked for --------------------------------------------------------------------------------

    def _promise(self, batch: Batch, projects: Iterable[ProjectName]) -> tuple[ProjectName, ...]:
        """Let who asks for one of these wait for its line; never for more of them than may come along.

        Returns those of them for which that is new.
        """
        promised: list[ProjectName] = []
        for project in projects:
            is_known = project in batch.etags or project in batch.promised or project in batch.came_along
            if not is_known and len(batch.promised) + len(batch.came_along) < batch.kind.neighbours:
                batch.promised.add(project)
                self._promised.setdefault((batch.kind.hops, project), batch)
                promised.append(project)
        return tuple(promised)

    def _is_passed_over(self, batch: Batch, data: bytes) -> bool:
        """Whether a line was promised and nobody waits for it: no more is read of it than what it promises."""
        project, follows = promise_in(data)
        if project not in batch.promised or project in batch.waiting:
            return False
        self._end_promise(batch, project)
        batch.came_along.add(project)
        self._promise(batch, follows)
        return True

    def _end_promise(self, batch: Batch, project: ProjectName) -> None:
        batch.promised.discard(project)
        if self._promised.get((batch.kind.hops, project)) is batch:
            del self._promised[batch.kind.hops, project]
