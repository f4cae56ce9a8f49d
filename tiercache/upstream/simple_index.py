"""A tier that speaks the Simple API: any index, and every node too.

What its answers mean, in the words of `IUpstream`.  It asks for one project at a time and never for the project list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import copy
from functools import partial
from typing import TypeVar

from attrs import define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent
from zope.interface import implementer

from tiercache.cache.kept import Kept
from tiercache.cache.share import Share
from tiercache.errors import FileAbsent, LoopFound, PageUnusable, ProjectAbsent, TiercacheError
from tiercache.interfaces import FileRange, IFileStream, IUpstream, Pool, Tier
from tiercache.policy.entry import Head, NotModified, Present, Validators
from tiercache.policy.freshness import head_from_response
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import Hops
from tiercache.policy.retry import Fault, RetryRules
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.parse import parse_page
from tiercache.simple.parsed import Parsed
from tiercache.upstream.body import body_of, read_whole
from tiercache.upstream.credentials import Credentials, credentials_of
from tiercache.upstream.decoding import decoded
from tiercache.upstream.failure import Unanswered
from tiercache.upstream.files import TierFiles
from tiercache.upstream.reach import Reach, warn_of_refused
from tiercache.upstream.requests import Deadlines, Reply, Requests
from tiercache.upstream.target import Target

T = TypeVar("T")

PAGE_TYPES = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
"""JSON first: sizes, upload times and provenance stand in no HTML page (PEP 691, 700, 740)."""

HEAVY_BYTES = 256 * 1024
"""Pages above this are read in the pool."""

LIGHT_BYTES = 16 * 1024
"""What is coded and longer than this is too, since nobody knows what it grows to; the rest if it grows above that."""


@frozen(kw_only=True)
class Limits:
    """In bytes, of what is left after decoding.  `file`: of a file whose length nobody states, or who states more."""

    page: int = 64 * 2**20
    sidecar: int = 16 * 2**20
    provenance: int = 16 * 2**20
    file: int = 32 * 2**30


KEPT_WAYS = 32
"""By which requests came here; each node below has its own."""


def _none_behind() -> Kept[Hops, SimpleIndex]:
    return Kept(limit=KEPT_WAYS, weigh=lambda _: 1)


@implementer(IUpstream)
@define(kw_only=True, eq=False)
class SimpleIndex:
    """`base_url` ends in a slash, and a project's page is `{base_url}{project}/`.

    `agent` connects (`connections.http_agent`; in tests whatever answers in memory).  `now` gives seconds since 1970,
    `jitter` a number in [0, 1).  Without `credentials` those in the URL count.  `files_from` are the hosts that may be
    private and still have this tier's files.  `node_id` is what this node is called in Via and CDN-Loop.
    `share`: of the reactor's turns, in which what came is gone on with; None takes them whole.
    """

    tier: Tier
    base_url: str = field(repr=False)  # it may hold credentials
    agent: IAgent
    clock: IReactorTime
    now: Callable[[], float]
    jitter: Callable[[], float]
    pool: Pool
    credentials: Credentials | None = None
    files_from: tuple[str, ...] = ()
    deadlines: Deadlines = field(factory=Deadlines)
    limits: Limits = field(factory=Limits)
    retries: RetryRules = field(factory=RetryRules)
    node_id: str | None = None
    share: Share | None = None
    _base: Target = field(init=False)
    _requests: Requests = field(init=False)
    _files: TierFiles = field(init=False)
    _behind: Kept[Hops, SimpleIndex] = field(factory=_none_behind, init=False)

    def __attrs_post_init__(self) -> None:
        given = Target.parse(self.base_url if self.base_url.endswith("/") else self.base_url + "/")
        self._base = given.bare()
        self._requests = Requests(
            tier=self.tier,
            agent=self.agent,
            clock=self.clock,
            now=self.now,
            jitter=self.jitter,
            reach=Reach(own=self._base.host.name, declared=self.files_from),
            credentials=credentials_of(given) if self.credentials is None else self.credentials,
            deadlines=self.deadlines,
            retries=self.retries,
            node_id=self.node_id,
        )
        self._files = TierFiles(requests=self._requests, limit_bytes=self.limits.file)

    @property
    def requests(self) -> Requests:
        """What sends this tier's requests, by whichever language they are."""
        return self._requests

    @property
    def files(self) -> TierFiles:
        """What fetches this tier's files."""
        return self._files

    def at(self, base: Target) -> SimpleIndex:
        """The same tier, its pages below another base; connections, deadlines and turns are shared."""
        elsewhere = copy(self)
        elsewhere._base = base
        elsewhere._behind = _none_behind()
        return elsewhere

    def behind(self, hops: Hops, hints: Hints = NO_HINTS) -> SimpleIndex:  # an index is told none
        if hops == self._requests.hops:
            return self
        behind = self._behind.get(hops)
        if behind is None:
            behind = copy(self)
            behind._requests = self._requests.behind(hops)
            behind._files = evolve(self._files, requests=behind._requests)
            self._behind.put(hops, behind)
        return behind

    async def page(self, project: ProjectName, validators: Validators, no_cache: bool) -> Present | NotModified:
        target = self._base.join(f"{project}/")
        headers = {"Accept": PAGE_TYPES, "Accept-Encoding": "gzip", **_conditions(validators, no_cache)}

        async def ask() -> Present | NotModified:
            reply = await self._requests.ask("GET", target, headers)
            if reply.status == 304 and validators != Validators():
                return NotModified(head=self._head(reply), cache_status=reply.headers.get("cache-status"))
            if reply.status != 200:
                raise self._refusal(reply, ProjectAbsent(project=project))
            return await self._present(reply, project)

        return await self._requests.in_time("GET", ask)

    async def file(self, file: File, start: int) -> IFileStream:
        return await self._files.stream(file, start)

    async def file_range(self, file: File, start: int, size_bytes: int) -> FileRange:
        return await self._files.range(file, start, size_bytes)

    async def file_size(self, file: File) -> int | None:
        return await self._files.size(file)

    async def sidecar(self, file: File) -> bytes:
        return await self._attachment(file, ".metadata", file.url, self.limits.sidecar)

    async def provenance(self, file: File) -> bytes:
        if file.provenance is None:
            raise FileAbsent(filename=f"{file.filename}.provenance")
        return await self._attachment(file, "", file.provenance, self.limits.provenance)

    async def probe(self) -> None:
        async def ask() -> None:
            # HEAD, so that not even an index that answers with its project list sends one.
            reply = await self._requests.ask("HEAD", self._base, {"Accept": PAGE_TYPES}, follow=False)
            if reply.status >= 500:
                raise self._requests.refused(reply)

        with suppress(LoopFound):  # it answers, if not this request
            await self._requests.in_time("HEAD", ask)

    async def _present(self, reply: Reply, project: ProjectName) -> Present:
        reason = f"it sends a page of more than {self.limits.page} bytes"
        data, ends_by_close = await self._read(reply, self.limits.page, reason)
        coding = reply.headers.get("content-encoding", "")
        read = partial(
            _read_page,
            data,
            coding,
            limit_bytes=self.limits.page,
            reason_if_larger=reason,
            content_type=reply.headers.get("content-type", ""),
            url=reply.target.url,
            project=project,
            ends_by_close=ends_by_close,
            reach=self._requests.reach,
        )
        try:
            parsed, page, refused = await self._worked_out(read, len(data), coding, self.limits.page)
        except PageUnusable as unusable:
            raise Unanswered(reason=f"it sent no project page: {unusable.reason}") from None
        warn_of_refused(refused, tier=self.tier.name, project=project)
        head = self._head(reply)
        if head.serial is None:
            head = evolve(head, serial=parsed.serial)
        return Present(page=page, head=head, cache_status=reply.headers.get("cache-status"))

    async def _attachment(self, file: File, suffix: str, url: str, limit_bytes: int) -> bytes:
        async def ask() -> bytes:
            target = self._files.target(url).with_suffix(suffix)
            reply = await self._requests.ask("GET", target, {"Accept": "*/*", "Accept-Encoding": "gzip"})
            if reply.status != 200:
                await self._requests.check_admitted(reply, file.filename)
                raise self._refusal(reply, FileAbsent(filename=target.filename))
            reason = f"it sends an attachment of more than {limit_bytes} bytes"
            data, _ = await self._read(reply, limit_bytes, reason)
            coding = reply.headers.get("content-encoding", "")
            undo = partial(decoded, data, coding, limit_bytes=limit_bytes, reason_if_larger=reason)
            return await self._worked_out(undo, len(data), coding, limit_bytes)

        return await self._requests.in_time("GET", ask)

    async def _worked_out(self, work: Callable[..., T], size_bytes: int, coding: str, limit_bytes: int) -> T:
        """What comes of work on a body: at once where that is little, since the pool is a trip, else there."""
        if not coding and size_bytes <= HEAVY_BYTES:
            return work()
        if coding and size_bytes <= LIGHT_BYTES:
            with suppress(Unanswered):  # there may be more in it than that
                return work(limit_bytes=min(HEAVY_BYTES, limit_bytes))
        return await self.pool(work)

    async def _read(self, reply: Reply, limit_bytes: int, reason_if_larger: str) -> tuple[bytes, bool]:
        """A whole body, and whether only the end of the connection marked its end."""
        body = body_of(
            reply.response,
            self.clock,
            silence_s=self.deadlines.silence_s,
            limit_bytes=limit_bytes,
            reason_if_larger=reason_if_larger,
        )
        data = await read_whole(body)
        if self.share is not None:
            await self.share.next()
        return data, body.ends_by_close

    def _head(self, reply: Reply) -> Head:
        return head_from_response(
            tier=self.tier.name,
            headers=reply.headers,
            requested_at=reply.requested_at,
            received_at=reply.received_at,
        )

    def _refusal(self, reply: Reply, absent: TiercacheError) -> Exception:
        failed = self._requests.refused(reply)
        return absent if reply.status in {404, 410} else failed


def _conditions(validators: Validators, no_cache: bool) -> Mapping[str, str]:
    """The headers that make a request conditional (RFC 9110 §13.1), and that reach through caches on the way."""
    headers = {}
    if validators.etag is not None:
        headers["If-None-Match"] = validators.etag
    if validators.last_modified is not None:
        headers["If-Modified-Since"] = validators.last_modified
    if no_cache:
        headers["Cache-Control"] = "no-cache"
    return headers


def _read_page(
    data: bytes,
    coding: str,
    *,
    limit_bytes: int,
    reason_if_larger: str,
    content_type: str,
    url: str,
    project: ProjectName,
    ends_by_close: bool,
    reach: Reach,
) -> tuple[Parsed, Page, tuple[File, ...]]:
    """From a body to its page, the page with only those files that may be fetched, and the others.  Blocking."""
    text = decoded(data, coding, limit_bytes=limit_bytes, reason_if_larger=reason_if_larger)
    # JSON and gzip show by themselves that they are whole; HTML shows it by its last tag.
    if ends_by_close and not coding and "json" not in content_type.lower() and b"</html" not in text[-512:].lower():
        raise Unanswered(reason="nothing tells whether its page is whole", fault=Fault.BROKEN)
    parsed = parse_page(text, content_type, url=url, project=project)
    admitted, refused = reach.split(parsed.page.files)
    return parsed, evolve(parsed.page, files=admitted) if refused else parsed.page, refused
