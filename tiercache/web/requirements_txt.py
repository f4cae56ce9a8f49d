"""`POST /requirements.txt`, as pypicache's users call it: `pip freeze | curl -F requirements=@- …/requirements.txt`.

It waits until everything is here or is known not to come, and answers with the keys that pypicache's answer has:
`cached`, filenames; `failed` and `unparseable`, lines as they came.  More stands beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import define, field, frozen
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from twisted.web.server import Request

from tiercache.errors import RequestMalformed
from tiercache.interfaces import Pool
from tiercache.prefetch.documents import REQUIREMENTS, document_of
from tiercache.web.answer import Answer, json
from tiercache.web.documents import body_of, kind_of, parts_of
from tiercache.web.openapi import FORM
from tiercache.web.prefetch import MAY, IJobs
from tiercache.web.request import field_of, hops_of
from tiercache.web.route import Route
from tiercache.web.unfinished import unless_stopping
from tiercache.web.upload_paths import REQUIREMENTS_PATH
from tiercache.web.visitor import principal_of
from tiercache.wire.prefetch import Document, JobState, Report, Wanted

_HASH = re.compile(r"\s+--hash[= ].*|\s+#.*")


@frozen(kw_only=True)
class Cached:
    """The answer.  `reasons`: by what has failed, in `failed` or not, why.  `job`: by which it is found again."""

    cached: list[str]
    failed: list[str]
    unparseable: list[str]
    ready: bool
    job: str
    reasons: Mapping[str, str] = field(factory=dict)
    report: Report | None = None


@define(kw_only=True)
class RequirementsTxt:
    """Takes requirements, and waits for them."""

    _jobs: IJobs
    _pool: Pool

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (Route(verb="POST", path=REQUIREMENTS_PATH, act=self.take, permission=MAY),)

    async def take(self, request: Request) -> Answer:
        """Prefetch what requirements need, and say what came of it."""
        document = await self._pool(_document_in, await body_of(request), field_of(request, "content-type"))
        # What pip froze may well have no wheel, and was installed all the same.
        wanted = Wanted(documents=(document,), sdists=True)
        job = await self._jobs.submit(wanted, principal_of(request), hops_of(request))
        ended = await unless_stopping(request, self._jobs.ended(job.id))
        if ended is None:
            return refused(503, f"This node is stopping, and goes on with the job {job.id} when it is back.")
        return json(await self._pool(cached_of, ended, document))


def refused(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as pypicache words it."""
    return json({"error": True, "message": sentence}, headers, status)


def _document_in(body: bytes, content_type: str | None) -> Document:
    """The requirements: of a form the part `requirements`, else the body.  Raises RequestMalformed, UploadRefused."""
    if kind_of(content_type) != FORM:
        if not body.strip():
            raise RequestMalformed(reason="there are no requirements in it")
        return document_of(REQUIREMENTS, body)
    parts = [part for part in parts_of(body, content_type) if part.name == "requirements"]
    if len(parts) != 1:
        raise RequestMalformed(reason="it is to have one part named requirements")
    return document_of(parts[0].filename or "", parts[0].content)


def cached_of(job: JobState, document: Document) -> Cached:
    """What is said of a job that is over and was about one document."""
    reasons = dict(_reasons(job))
    lines = dict(_lines(document, but={one.line for one in job.unparseable}))
    if job.phase != "done":
        failed = [line for those in lines.values() for line in those]
    else:
        told = {_project_of(what): what for what in reasons}
        failed = [line for project, what in told.items() for line in lines.get(project, [what])]
    return Cached(
        cached=[file.filename for file in job.files if file.outcome in ("stored", "fetched")],
        failed=failed,
        unparseable=[one.text for one in job.unparseable],
        ready=job.report is not None and job.report.ready,
        job=job.id,
        reasons=reasons,
        report=job.report,
    )


def _reasons(job: JobState) -> Iterator[tuple[str, str]]:
    if job.reason is not None:
        yield job.what or job.phase, job.reason
    for file in job.files:
        if file.outcome == "failed":
            yield f"{file.project}=={file.version}", file.reason or "it could not be had"
    for target in () if job.report is None else job.report.targets:
        for missing in target.missing:
            yield missing.what, missing.why


def _lines(document: Document, but: set[int | None]) -> Iterator[tuple[str, list[str]]]:
    """The lines that require a project, by its name; without those that were not taken, by their numbers."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(map(str.strip, document.text.splitlines()), 1):
        if line and number not in but and not line.startswith(("#", "-")):
            found.setdefault(_project_of(_HASH.sub("", line.rstrip("\\"))), []).append(line)
    yield from found.items()


def _project_of(text: str) -> str:
    """The project that a requirement is for; the text itself where it is none."""
    try:
        return canonicalize_name(Requirement(text.strip()).name)
    except InvalidRequirement:
        return text
