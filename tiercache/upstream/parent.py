"""A tier that is a node, or may be one: its own language where it offers that, and else the Simple API.

Pages come by `POST /pages`, many at a time, with their sidecars; news by its change feed; files as from any index.
What a tier does not offer is remembered for a while (`offers.py`), so that an older node, and another program that has
taken a node's place, are asked as any index is.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from functools import partial
from typing import NoReturn, TypeVar

import msgspec
from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tiercache.cache.collapse import Collapse
from tiercache.errors import InvalidName, NotANode, ProjectAbsent, TierUnreachable
from tiercache.interfaces import FileRange, IFeed, IFileStream, INeighbour, IUpstream, Tier
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import NODE_ID, NONE_YET, Hops
from tiercache.policy.news import Position
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import normalise
from tiercache.upstream.batches import GATHER_S, Batches
from tiercache.upstream.body import body_of, let_go, read_whole
from tiercache.upstream.decoding import decoded
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.feed import Feed
from tiercache.upstream.files import ABSENT
from tiercache.upstream.kinds import ORIGIN, PARENT, UNKNOWN
from tiercache.upstream.offers import AGAIN_S, AGAIN_UNKNOWN_S, Offers
from tiercache.upstream.requests import Requests
from tiercache.upstream.simple_index import SimpleIndex
from tiercache.upstream.target import Target
from tiercache.upstream.wanted import expect
from tiercache.wire import (
    CHANGES,
    EVENT_STREAM,
    FILES,
    LONGEST_EVENT_BYTES,
    NODE,
    PAGES,
    RESERVED,
    ROOT,
    NodeState,
    Reserved,
)
from tiercache.wire.prefetch import PREFETCH, JobState, Wanted

T = TypeVar("T")


JSON = "application/json"

SIBLING_HEAD_S = 1.0
"""How long a node may take to say whether it has a file stored: it only has to look, and there are others."""

LONGEST_JOB_BYTES = 32 * 1024 * 1024
"""Of a job as a node says how it is: it names each of its files."""

ACCEPTED = 202

NOT_STORED = ABSENT | {504}  # RFC 9111 §5.2.1.7


@implementer(IUpstream, INeighbour)
@define(kw_only=True, eq=False)
class Parent:
    """`index` speaks the Simple API to the same tier; its deadlines, limits and credentials are those of all of this.

    `root_url`: where a node's root would be, ending in a slash.  `gather_s` as in `Batches`.
    """

    index: SimpleIndex
    root_url: str
    gather_s: float = GATHER_S
    hints: Hints = NO_HINTS
    _root: Target = field(init=False)
    _own_index: SimpleIndex = field(init=False)  # where a node has its pages, whatever else the tier may be
    _offers: Offers = field(init=False)
    _batches: Batches = field(init=False)
    _probes: Collapse[str, None] = field(factory=Collapse, init=False)

    def __attrs_post_init__(self) -> None:
        index = self.index
        self._root = Target.parse(self.root_url).bare()
        self._own_index = index.at(self._root.join("simple/"))
        self._offers = Offers(
            tier=index.tier.name, now=index.now, again_s=AGAIN_UNKNOWN_S if self._is_of_unknown_kind else AGAIN_S
        )
        self._batches = Batches(
            root=self._root,
            pages=self._root.join(ROOT + PAGES),
            offers=self._offers,
            clock=index.clock,
            now=index.now,
            pool=index.pool,
            longest_line_bytes=index.limits.page + index.limits.sidecar,
            gather_s=self.gather_s,
        )

    @property
    def tier(self) -> Tier:
        """The tier; one of unknown kind is a parent as soon as it has said that it is a node."""
        tier = self.index.tier
        if not self._is_of_unknown_kind:
            return tier
        return evolve(tier, kind=PARENT if self._offers.is_node else ORIGIN)

    def behind(self, hops: Hops, hints: Hints = NO_HINTS) -> Parent:
        behind = copy(self)
        behind.hints = hints
        behind.index = self.index.behind(hops)
        behind._own_index = self._own_index.behind(hops)
        return behind

    # -- what every tier has ----------------------------------------------------------------------------------

    async def page(self, project: ProjectName, validators: Validators, no_cache: bool) -> Present | NotModified:
        if self._is_of_unknown_kind and self._offers.may_have(NODE) and not self._offers.is_node:
            # Before the first page: what a node has at another place than an index would look absent.
            with suppress(TierUnreachable):
                await self._probe_kind()
        if self._offers.may_have(PAGES) and (self._offers.is_node or not self._is_of_unknown_kind):
            with suppress(NotANode):
                return await self._page_in_batch(project, validators.etag, no_cache)
        return await self._simple.page(project, validators, no_cache)

    async def file(self, file: File, start: int) -> IFileStream:
        return await self.index.file(file, start)

    async def file_range(self, file: File, start: int, size_bytes: int) -> FileRange:
        return await self.index.file_range(file, start, size_bytes)

    async def file_size(self, file: File) -> int | None:
        return await self.index.file_size(file)

    async def sidecar(self, file: File) -> bytes:
        return await self.index.sidecar(file)

    async def provenance(self, file: File) -> bytes:
        return await self.index.provenance(file)

    async def probe(self) -> None:
        await self._simple.probe()

    # -- what nodes have --------------------------------------------------------------------------------------

    async def about(self) -> NodeState:
        self._offers.check(NODE)
        state = await self._json(NODE, NodeState, LONGEST_EVENT_BYTES)
        if NODE_ID.fullmatch(state.id) is None:
            raise self._offers.refused(NODE, "it says that it is a node, and has not the id of one")
        self._offers.told(state.features)
        return state

    async def reserved(self) -> Reserved:
        self._offers.check(RESERVED)
        said = await self._json(RESERVED, Reserved, self.index.limits.page)
        return evolve(said, names=tuple(sorted(_normalised(said.names))))

    async def follow(self, since: Position | None) -> IFeed:
        self._offers.check(CHANGES)
        fields = {"Accept": EVENT_STREAM, "Accept-Encoding": "identity", "Cache-Control": "no-store"}
        if since is not None:
            fields["Last-Event-ID"] = str(since)

        async def begin() -> IFeed:
            reply = await self._requests.ask("GET", self._root.join(ROOT + CHANGES), fields)
            expect(reply, EVENT_STREAM, CHANGES, requests=self._requests, offers=self._offers)
            if reply.headers.get("content-encoding", "identity").strip().lower() != "identity":
                let_go(reply.response, self._requests.clock)
                raise Unanswered(reason="it sends a content coding that was not asked for")
            return Feed.of(reply, self._requests)

        return await self._requests.with_retries("GET", begin)

    async def prefetch(self, wanted: Wanted) -> JobState:
        self._offers.check(PREFETCH)
        body = await self.index.pool(msgspec.json.encode, wanted)
        # POST, and still as safe to repeat as GET: two equal jobs are one.
        return await self._json(PREFETCH, JobState, LONGEST_JOB_BYTES, body=body)

    async def stored_file(self, sha256: str, filename: str) -> IFileStream:
        self._offers.check(FILES)
        url = self._root.join(f"{ROOT}{FILES}/{sha256}").url
        file = File(filename=filename, url=url, hashes={"sha256": sha256})
        return await self._files_by_digest(file)

    # -- within -----------------------------------------------------------------------------------------------

    async def _files_by_digest(self, file: File) -> IFileStream:
        """Ask for a stored file, once: who has it answers at once."""
        head_s = min(SIBLING_HEAD_S, self.index.deadlines.first_byte_s)

        def late(_outcome: object, timeout_s: float) -> NoReturn:
            raise TierUnreachable(tier=self.index.tier.name, reason=f"it did not answer within {timeout_s:g} s")

        asked = Deferred.fromCoroutine(
            self.index.files.begun(file, 0, fields={"Cache-Control": "only-if-cached"}, absent=NOT_STORED)
        )
        try:
            return await asked.addTimeout(head_s, self.index.clock, late)
        except Unanswered as failed:
            raise self._requests.unreachable(failed) from None

    @property
    def _is_of_unknown_kind(self) -> bool:
        return self.index.tier.kind == UNKNOWN

    @property
    def _simple(self) -> SimpleIndex:
        return self._own_index if self._offers.is_node else self.index

    @property
    def _requests(self) -> Requests:
        return self.index.requests

    async def _page_in_batch(self, project: ProjectName, etag: str | None, no_cache: bool) -> Present | NotModified:
        requests = self._requests
        hints = self.hints
        # POST, and still as safe to repeat as GET: it only reads.
        answer = await requests.in_time("GET", lambda: self._batches.page(requests, project, etag, no_cache, hints))
        if isinstance(answer, ProjectAbsent):
            raise answer
        return answer

    async def _probe_kind(self) -> None:
        """Find out whether the tier is a node, once for all that wait for it."""

        async def ask() -> None:
            await self.behind(NONE_YET).about()

        probe, _ = self._probes.join(NODE, ask)
        await probe.result()

    async def _json(self, feature: str, type_: type[T], limit_bytes: int, body: bytes | None = None) -> T:
        """The answer of `GET <feature>`, or with a body of `POST`.  Raises NotANode, TierUnreachable."""
        requests = self._requests
        url = self._root.join(ROOT + feature)
        reason_if_larger = f"it answers with more than {limit_bytes} bytes when it is asked for {feature}"

        async def ask() -> T:
            fields = {"Accept": JSON, "Accept-Encoding": "gzip"}
            if body is None:
                reply = await requests.ask("GET", url, fields)
                expect(reply, JSON, feature, requests=requests, offers=self._offers)
            else:
                reply = await requests.ask("POST", url, fields | {"Content-Type": JSON}, body=body)
                expect(reply, JSON, feature, requests=requests, offers=self._offers, status=ACCEPTED)
            answer = body_of(
                reply.response,
                requests.clock,
                silence_s=requests.deadlines.silence_s,
                limit_bytes=limit_bytes,
                reason_if_larger=reason_if_larger,
            )
            data = await read_whole(answer)
            coding = reply.headers.get("content-encoding", "")
            text = await self.index.pool(
                partial(decoded, data, coding, limit_bytes=limit_bytes, reason_if_larger=reason_if_larger)
            )
            try:
                return msgspec.json.decode(text, type=type_)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                raise self._offers.refused(feature, f"it answers with what is no {feature}") from None

        return await requests.in_time("GET", ask)


def _normalised(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for name in names:
        with suppress(InvalidName):  # nobody can ask for it either
            found.add(normalise(name))
    return found
