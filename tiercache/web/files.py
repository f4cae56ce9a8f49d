"""Files and what belongs to them: `/files/…`, `/local/files/…`, and the older `/packages/…`.

Ranges, validators and types only; where the bytes come from is the cache's affair.
"""

from __future__ import annotations

from attrs import define, evolve
from twisted.web.server import Request

from tiercache.cache.body import OpenFile
from tiercache.cache.files import Files
from tiercache.cache.sidecars import ShownAttachment, Sidecars
from tiercache.policy.cache_status import Outcome
from tiercache.policy.entry import Ask
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.simple.names import candidate_projects, checked_filename, parse_identity
from tiercache.web.ahead import Ahead
from tiercache.web.answer import TEXT, Answer, Say, problem, text
from tiercache.web.conditional import Slice, Unsatisfiable, etag_matches, wanted_slice
from tiercache.web.request import ask_of, field_of
from tiercache.web.standing import FileStanding, IAtHand, SidecarStanding, StoredFile

ARCHIVE = "application/octet-stream"  # a .tar.gz is no encoding of a .tar: it is the file
PROVENANCE = "application/vnd.pypi.integrity.v1+json"
IMMUTABLE = "public, max-age=31536000, immutable"  # RFC 8246; a year is the customary "for ever"
REVALIDATED = "max-age=0, must-revalidate"


@define(kw_only=True)
class FileRoutes:
    """The files below one root; with `_local` none of them ever asks a tier.

    `at_hand`: what tells whether a sidecar is the same still, None where none is kept ready.  `ahead` reads ahead, if
    anything does.
    """

    _files: Files
    _sidecars: Sidecars
    _local: bool
    _at_hand: IAtHand | None = None
    _ahead: Ahead | None = None

    async def by_identity(self, request: Request, segment: str, filename: str) -> Answer:
        """`<segment>/<filename>`, with `.metadata` or `.provenance` behind it what belongs to that file."""
        return await self._answer(request, parse_identity(segment), filename)

    async def by_filename(self, request: Request, filename: str, directories: str) -> Answer:
        """`/packages/<directories>/<filename>`: whatever file its project's page lists under that name."""
        return await self._answer(request, None, filename)

    async def _answer(self, request: Request, identity: FileIdentity | None, filename: str) -> Answer:
        checked_filename(filename)
        ask = ask_of(request, local=self._local)
        of_sidecar = filename.removesuffix(".metadata")
        if of_sidecar != filename:
            whose = await self._identity(identity, of_sidecar, ask)
            shown = await self._sidecar(request, whose, of_sidecar, ask)
            answer = _attachment(request, shown, TEXT, IMMUTABLE)
            return evolve(answer, standing=self._of_sidecar(identity, of_sidecar, shown))
        of_provenance = filename.removesuffix(".provenance")
        if of_provenance != filename:
            whose = await self._identity(identity, of_provenance, ask)
            shown = await self._sidecars.provenance(whose, of_provenance, ask)
            return _attachment(request, shown, PROVENANCE, REVALIDATED)
        if request.method == b"HEAD" or request.requestHeaders.hasHeader(b"if-none-match"):
            head = await self._files.head(identity, filename, ask)
            head.close()
            standing = self._of_file(identity, head)
            if etag_matches(field_of(request, "if-none-match"), _etag(head.identity)):
                return evolve(_head_of(head), status=304, length=None, standing=standing)
            if request.method == b"HEAD":
                return evolve(_head_of(head), standing=standing)
        if request.requestHeaders.hasHeader(b"range"):
            await self._sidecars.judged(identity, filename, ask)
            opened = await self._files.open(identity, filename, ask)
        else:
            opened = await self._open(request, identity, filename, ask)
        return evolve(whole_or_part(request, opened), standing=self._of_file(identity, opened))

    async def _sidecar(self, request: Request, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        if self._ahead is None:
            return await self._sidecars.sidecar(identity, filename, ask)
        return await self._ahead.sidecar(request, identity, filename, ask)

    async def _open(self, request: Request, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        if self._ahead is None:
            return await self._files.open(identity, filename, ask)
        return await self._ahead.file(request, identity, filename, ask)

    def file_at_once(self, identity: FileIdentity, filename: str) -> FileStanding | None:
        """What a file stands on that is stored, and at hand."""
        record = None if self._at_hand is None else self._at_hand.file(identity, filename, local=self._local)
        if self._at_hand is None or record is None:
            return None
        return FileStanding(
            answer=_head(identity, record.size_bytes, Outcome(hit=True), record.project),
            file=StoredFile(sha256=record.sha256, size_bytes=record.size_bytes, at_hand=self._at_hand),
            at_hand=self._at_hand,
            local=self._local,
            identity=identity,
            filename=filename,
            project=record.project,
        )

    def sidecar_at_once(self, identity: FileIdentity, filename: str) -> SidecarStanding | None:
        """What the core metadata of a file stands on, if it is at hand."""
        kept = None if self._at_hand is None else self._at_hand.sidecar(identity, filename, local=self._local)
        if kept is None or kept.data is None:
            return None
        shown = ShownAttachment(data=kept.data, sha256=kept.sha256, outcome=Outcome(hit=True), project=kept.project)
        return self._of_sidecar(identity, filename, shown)

    def _of_file(self, identity: FileIdentity | None, opened: OpenFile) -> FileStanding | None:
        """Of a stored file that is asked for by its digest."""
        return None if identity is None or not opened.outcome.hit else self.file_at_once(identity, opened.filename)

    def _of_sidecar(
        self, identity: FileIdentity | None, filename: str, shown: ShownAttachment
    ) -> SidecarStanding | None:
        """Of what is answered by the digest of its file; how it is had the first time may be told then alone.

        Of a file that is not stored only if its name tells whose it is: what concerns others does not outdate it.
        """
        if self._at_hand is None or identity is None:
            return None
        record = self._at_hand.file(identity, filename, local=self._local)
        project = shown.project if record is None else record.project
        if project is None or (record is None and candidate_projects(filename) != (project,)):
            return None
        return SidecarStanding(
            answer=_whole_attachment(evolve(shown, outcome=Outcome(hit=True)), TEXT, IMMUTABLE),
            project=project,
            at_hand=self._at_hand,
            local=self._local,
            identity=identity,
            filename=filename,
            sha256=shown.sha256,
        )

    async def _identity(self, identity: FileIdentity | None, filename: str, ask: Ask) -> FileIdentity:
        if identity is not None:
            return identity
        head = await self._files.head(None, filename, ask)
        head.close()
        return head.identity


def stored_answer(request: Request, opened: OpenFile) -> Answer:
    """The answer of a file that is in the store: none of it, a part or the whole, as it was asked for."""
    if etag_matches(field_of(request, "if-none-match"), _etag(opened.identity)):
        opened.close()
        return Answer(status=304, headers=_fields(opened.identity), outcome=opened.outcome, project=opened.project)
    if request.method == b"HEAD":
        opened.close()
        return _head_of(opened)
    return whole_or_part(request, opened, say=problem)


def whole_or_part(request: Request, opened: OpenFile, say: Say = text) -> Answer:
    """What a GET is answered with: the whole, a part, or what `say` makes of a range that has no byte of it."""
    fields, size_bytes = _fields(opened.identity), opened.size_bytes
    wanted = wanted_slice(field_of(request, "range"), field_of(request, "if-range"), _etag(opened.identity), size_bytes)
    match wanted:
        case None:
            return Answer(
                headers=fields,
                body=opened.body(0, None),
                length=size_bytes,
                outcome=opened.outcome,
                project=opened.project,
            )
        case Slice(start=start, stop=stop):
            fields["Content-Range"] = f"bytes {start}-{stop - 1}/{size_bytes}"
            body = opened.body(start, stop)
            return Answer(
                status=206,
                headers=fields,
                body=body,
                length=stop - start,
                outcome=opened.outcome,
                project=opened.project,
            )
        case Unsatisfiable():
            opened.close()
            refusal = say(416, "The file has none of these bytes.", {"Content-Range": f"bytes */{size_bytes}"})
            return evolve(refusal, project=opened.project)


def _attachment(request: Request, shown: ShownAttachment, content_type: str, cache_control: str) -> Answer:
    answer = _whole_attachment(shown, content_type, cache_control)
    if etag_matches(field_of(request, "if-none-match"), answer.headers["ETag"]):
        return evolve(answer, status=304, body=b"")
    return answer


def _whole_attachment(shown: ShownAttachment, content_type: str, cache_control: str) -> Answer:
    fields = {"ETag": f'"{shown.sha256}"', "Cache-Control": cache_control, "Content-Type": content_type}
    return Answer(headers=fields, body=shown.data, outcome=shown.outcome, project=shown.project)


def _head_of(opened: OpenFile) -> Answer:
    """The answer of a whole file, without its bytes."""
    return _head(opened.identity, opened.size_bytes, opened.outcome, opened.project)


def _head(identity: FileIdentity, size_bytes: int | None, outcome: Outcome, project: ProjectName | None) -> Answer:
    return Answer(headers=_fields(identity), body=None, length=size_bytes, outcome=outcome, project=project)


def _fields(identity: FileIdentity) -> dict[str, str]:
    return {
        "ETag": _etag(identity),
        "Cache-Control": IMMUTABLE,
        "Accept-Ranges": "bytes",
        "Content-Type": ARCHIVE,
    }


def _etag(identity: FileIdentity) -> str:
    return f'"{identity.segment}"'
