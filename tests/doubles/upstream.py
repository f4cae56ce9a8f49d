"""A tier that lives in a test: an `IUpstream` with what the test put in, that counts what it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attrs import define, evolve, field
from twisted.internet.defer import Deferred
from zope.interface import implementer

from tiercache.cache.signal import Signal
from tiercache.errors import FileAbsent, LoopFound, ProjectAbsent, RangesUnsupported, TierUnreachable, TierWithoutAnswer
from tiercache.interfaces import FileRange, IFileStream, IUpstream, Tier
from tiercache.policy.entry import Head, NotModified, Present, Validators
from tiercache.policy.hints import NO_HINTS, Hints
from tiercache.policy.hops import LOOP, Hops
from tiercache.simple.model import File, Page, ProjectName


@implementer(IFileStream)
@define(kw_only=True, eq=False)
class ScriptedStream:
    """A body that comes chunk by chunk; a chunk that is an exception is raised, a Deferred is waited for."""

    size_bytes: int | None
    start: int
    cache_status: str | None = None
    chunks: list[bytes | Exception | Deferred[None]]
    is_closed: bool = field(default=False, init=False)

    async def read(self) -> Sequence[bytes]:
        """The next chunk."""
        while self.chunks:
            chunk = self.chunks.pop(0)
            if isinstance(chunk, Exception):
                raise chunk
            if isinstance(chunk, Deferred):
                await chunk
                continue
            if chunk:
                return (chunk,)
        return ()

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


@implementer(IUpstream)
@define(kw_only=True, eq=False, slots=False)
class ScriptedUpstream:
    """What a test wants a tier to say.

    `pages` by project, `contents` by URL, `sidecars` by the URL of the file (an exception is raised), `provenances` by
    their own; `along` by project the sidecars that come with its page, by their digests.  `reserves`: it says of each
    page that the name is reserved, as a node does of what is hosted there or above.  `script` may
    make a stream of its own from (content, start).  `silent`: every call raises TierUnreachable with this reason;
    `loops`: LoopFound; `cannot_say`: TierWithoutAnswer.  `gate`: each page call waits for it.  `asked` is every call,
    as words; `passed` the nodes that each request had passed.
    """

    tier: Tier
    now: Callable[[], float] = lambda: 0.0
    pages: dict[str, Page] = field(factory=dict)
    contents: dict[str, bytes] = field(factory=dict)
    sidecars: dict[str, bytes | Exception] = field(factory=dict)
    along: dict[str, Mapping[str, bytes]] = field(factory=dict)
    provenances: dict[str, bytes] = field(factory=dict)
    script: Callable[[bytes, int], ScriptedStream] | None = None
    silent: str | None = None
    loops: bool = False
    reserves: bool = True
    cannot_say: bool = False
    retry_after_s: float | None = None
    gate: Signal | None = None
    gives_ranges: bool = True
    gives_sizes: bool = True
    head: Head | None = None
    etag: str | None = None
    asked: list[tuple[str, ...]] = field(factory=list)
    passed: list[tuple[str, ...]] = field(factory=list)
    hinted: list[Hints] = field(factory=list)
    streams: list[ScriptedStream] = field(factory=list)

    def _answers(self) -> None:
        if self.loops:
            raise LoopFound(tier=self.tier.name, reason=LOOP)
        if self.cannot_say:
            raise TierWithoutAnswer(tier=self.tier.name, reason="its own tiers are down")
        if self.silent is not None:
            raise TierUnreachable(tier=self.tier.name, reason=self.silent, retry_after_s=self.retry_after_s)

    def _content(self, file: File) -> bytes:
        self._answers()
        if file.url not in self.contents:
            raise FileAbsent(filename=file.filename)
        return self.contents[file.url]

    def behind(self, hops: Hops, hints: Hints = NO_HINTS) -> ScriptedUpstream:
        """Itself; what requests have passed is noted, and what they are for."""
        self.passed.append(hops.ids)
        self.hinted.append(hints)
        return self

    async def page(self, project: ProjectName, validators: Validators, no_cache: bool) -> Present | NotModified:
        """The page that the test put in."""
        self.asked.append(("page", project, validators.etag or "", "no-cache" if no_cache else ""))
        requested_at = self.now()
        if self.gate is not None:
            await self.gate.wait()
        self._answers()
        base = self.head or Head(tier=self.tier.name, requested_at=0, received_at=0, lifetime_s=None)
        head = evolve(
            base,
            requested_at=requested_at,
            received_at=self.now(),
            validators=Validators(etag=self.etag),
            reserved=self.reserves,
        )
        if project not in self.pages:
            raise ProjectAbsent(project=project)
        if self.etag is not None and validators.etag == self.etag:
            return NotModified(head=head)
        return Present(page=self.pages[project], head=head, sidecars=self.along.get(project, {}))

    async def file(self, file: File, start: int) -> IFileStream:
        """The content from `start` on, in one chunk unless `script` says otherwise."""
        self.asked.append(("file", file.url, str(start)))
        content = self._content(file)
        if self.script is not None:
            stream = self.script(content, start)
        else:
            given = start if self.gives_ranges else 0
            size_bytes = len(content) if self.gives_sizes else None
            stream = ScriptedStream(size_bytes=size_bytes, start=given, chunks=[content[given:]])
        self.streams.append(stream)
        return stream

    async def file_range(self, file: File, start: int, size_bytes: int) -> FileRange:
        """Some bytes of the content."""
        self.asked.append(("range", file.url, str(start), str(size_bytes)))
        content = self._content(file)
        if not self.gives_ranges:
            raise RangesUnsupported(tier=self.tier.name, filename=file.filename)
        if start < 0:
            start = max(0, len(content) + start)
        return FileRange(data=content[start : start + size_bytes], start=start, size_bytes=len(content))

    async def file_size(self, file: File) -> int | None:
        """Its length, if sizes are given."""
        self.asked.append(("size", file.url))
        content = self._content(file)
        return len(content) if self.gives_sizes else None

    async def sidecar(self, file: File) -> bytes:
        """The sidecar that the test put in."""
        self.asked.append(("sidecar", file.url))
        self._answers()
        if file.url not in self.sidecars:
            raise FileAbsent(filename=f"{file.filename}.metadata")
        found = self.sidecars[file.url]
        if isinstance(found, Exception):
            raise found
        return found

    async def provenance(self, file: File) -> bytes:
        """The provenance that the test put in."""
        self.asked.append(("provenance", file.url))
        self._answers()
        if file.provenance not in self.provenances:
            raise FileAbsent(filename=f"{file.filename}.provenance")
        return self.provenances[file.provenance]

    async def probe(self) -> None:
        """Whether it answers."""
        self.asked.append(("probe",))
        self._answers()
