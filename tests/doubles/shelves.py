"""Stand-ins for the services of `tiercache.cache`, as `web` sees them: what is put on the shelf is what is served."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred

from tests.doubles.now import at_once
from tiercache.cache.body import OpenFile
from tiercache.cache.look import Look, Making
from tiercache.cache.pages import ShownPage
from tiercache.cache.sidecars import ShownAttachment
from tiercache.errors import FileAbsent, NotStored, ProjectAbsent, SidecarUnavailable
from tiercache.interfaces import FileRecord
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.simple.model import File, FileIdentity, Page, ProjectName
from tiercache.simple.names import candidate_projects

CHUNK_BYTES = 256 * 1024


def file_of(filename: str, data: bytes = b"bytes", **more: Any) -> File:
    """A file as a page lists it."""
    digest = hashlib.sha256(data).hexdigest()
    url = f"https://files.example/{filename}"
    return File(filename=filename, url=url, hashes={"sha256": digest}, size=len(data), **more)


def page_of(project: str, *files: File) -> Page:
    """A page of these files."""
    return Page(project=ProjectName(project), files=files)


@define
class PageShelf:
    """Pages by project; `raising` is raised in their stead.  `asked` keeps what was asked."""

    pages: dict[str, ShownPage] = field(factory=dict)
    local: set[str] = field(factory=set)
    raising: Exception | None = None
    asked: list[tuple[str, Ask]] = field(factory=list)
    waiting: Deferred[None] | None = None

    def put(self, page: Page, *, local: bool = False, **more: Any) -> None:
        """Put a page on the shelf; `local`: it also stands in the store."""
        told = {"outcome": Outcome(hit=True, ttl_s=600.0), "age_s": 0.0, "version": "1", "serial": None, **more}
        look = Look(size=len(page.files), begin=lambda: Making(work=lambda: page, end=lambda shown: shown))
        self.pages[page.project] = ShownPage(project=page.project, look=look, **told)
        if local:
            self.local.add(page.project)

    async def shown(self, project: ProjectName, ask: Ask) -> ShownPage:
        self.asked.append((project, ask))
        if self.waiting is not None:
            await self.waiting
        if self.raising is not None:
            raise self.raising
        if ask.local and project not in self.local:
            raise NotStored(subject=f"Project {project}")
        if project not in self.pages:
            raise ProjectAbsent(project=project)
        return self.pages[project]

    @property
    def under_way(self) -> int:
        """No tier is asked."""
        return 0

    async def is_at_hand(self, project: ProjectName, ask: Ask) -> bool:
        """Whether it stands here."""
        return project in self.pages

    def known_projects(self, local: bool) -> list[ProjectName]:
        return sorted(ProjectName(name) for name in self.pages if not local or name in self.local)


@define
class MemoryBody:
    """An `IBody` over bytes that are there, or that `feed` and `fail` bring."""

    data: bytes
    is_whole: bool = True
    error: Exception | None = None
    closed: int = 0
    _waiting: Deferred[None] | None = None

    async def read(self) -> bytes:
        while not self.data and not self.is_whole and self.error is None:
            self._waiting = Deferred()
            await self._waiting
        if not self.data and self.error is not None:
            raise self.error
        chunk, self.data = self.data[:CHUNK_BYTES], self.data[CHUNK_BYTES:]
        return chunk

    def close(self) -> None:
        self.closed += 1

    def feed(self, data: bytes) -> None:
        """More bytes have come."""
        self.data += data
        self._wake()

    def end(self) -> None:
        """There are no more."""
        self.is_whole = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """The rest cannot be had."""
        self.error = error
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


@define
class FileShelf:
    """Files by name; one that is `cold` gives the body that was put there.  `asked` keeps what was asked.

    `projects`: whose files those are whose names say otherwise.
    """

    projects: dict[str, ProjectName] = field(factory=dict)
    files: dict[str, tuple[FileIdentity, bytes]] = field(factory=dict)
    cold: dict[str, tuple[FileIdentity, MemoryBody, int | None]] = field(factory=dict)
    raising: Exception | None = None
    asked: list[tuple[str, str, Ask]] = field(factory=list)
    bodies: list[MemoryBody] = field(factory=list)
    closed: int = 0
    waiting: Deferred[None] | None = None

    def put(self, filename: str, data: bytes) -> str:
        """Store a file, and return the segment of its URL."""
        identity = FileIdentity("sha256", hashlib.sha256(data).hexdigest())
        self.files[filename] = (identity, data)
        return identity.segment

    def put_cold(self, filename: str, body: MemoryBody, size_bytes: int | None) -> str:
        """A file on its way; the segment of its URL."""
        identity = FileIdentity("sha256", hashlib.sha256(filename.encode()).hexdigest())
        self.cold[filename] = (identity, body, size_bytes)
        return identity.segment

    async def open(self, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        if self.waiting is not None:
            await self.waiting
        return self._opened("open", identity, filename, ask)

    async def head(self, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        return self._opened("head", identity, filename, ask)

    async def open_stored(self, sha256: str) -> tuple[FileRecord, OpenFile] | None:
        wanted = FileIdentity("sha256", sha256)
        for filename, (identity, data) in self.files.items():
            if identity == wanted:
                opened = self._opened("open", identity, filename, Ask(only_if_cached=True))
                return _record(filename, identity, len(data)), opened
        return None

    def _opened(self, how: str, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        self.asked.append((how, filename, ask))
        if self.raising is not None:
            raise self.raising
        if filename in self.cold:
            known, body, size_bytes = self.cold[filename]
            if ask.local or ask.only_if_cached:
                raise NotStored(subject=filename)
            outcome = Outcome(fwd="miss", stored=True, tier="public")
        elif filename in self.files:
            known, data = self.files[filename]
            body, size_bytes, outcome = MemoryBody(data), len(data), Outcome(hit=True)
        else:
            raise NotStored(subject=filename) if ask.local else FileAbsent(filename=filename)
        if identity not in (None, known):
            raise FileAbsent(filename=filename)

        def new_body(start: int, stop: int | None) -> MemoryBody:
            assert how == "open"
            body.data = body.data[start:stop]
            self.bodies.append(body)
            return body

        def closed() -> None:
            self.closed += 1

        return OpenFile(
            identity=known,
            filename=filename,
            size_bytes=size_bytes,
            outcome=outcome,
            project=self.projects.get(filename) or _project(filename),
            new_body=new_body,
            close=closed,
        )


def _record(filename: str, identity: FileIdentity, size_bytes: int) -> FileRecord:
    return FileRecord(
        sha256=identity.value,
        size_bytes=size_bytes,
        project=_project(filename) or ProjectName(filename),
        tier="public",
        listing=File(filename=filename, url=f"https://files.example/{filename}", size=size_bytes),
        identities=(identity,),
        stored_at=0.0,
        used_at=0.0,
    )


@define
class SidecarShelf:
    """Sidecars and provenances by filename."""

    sidecars: dict[str, bytes] = field(factory=dict)
    provenances: dict[str, bytes] = field(factory=dict)
    asked: list[tuple[str, str, FileIdentity, Ask]] = field(factory=list)

    async def sidecar(self, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        return self._shown("metadata", self.sidecars, identity, filename, ask)

    async def judged(self, identity: FileIdentity | None, filename: str, ask: Ask) -> None:
        """Nothing is refused here."""

    async def provenance(self, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        return self._shown("provenance", self.provenances, identity, filename, ask)

    def _shown(
        self, kind: str, shelf: Mapping[str, bytes], identity: FileIdentity, filename: str, ask: Ask
    ) -> ShownAttachment:
        self.asked.append((kind, filename, identity, ask))
        if filename not in shelf:
            raise SidecarUnavailable(filename=filename, reason="there is none")
        data = shelf[filename]
        digest = hashlib.sha256(data).hexdigest()
        return ShownAttachment(data=data, sha256=digest, outcome=Outcome(hit=True), project=_project(filename))


def _project(filename: str) -> ProjectName | None:
    """The most plausible one; the shelves know no other."""
    return next(iter(candidate_projects(filename)), None)


@define
class Switch:
    """An offline switch."""

    is_offline: bool = False

    async def set(self, offline: bool) -> None:
        self.is_offline = offline


@define
class CountingPool:
    """A pool that runs the work on the spot, and counts it."""

    ran: int = 0

    async def __call__(self, function: Any, /, *args: Any) -> Any:
        self.ran += 1
        return await at_once(function, *args)
