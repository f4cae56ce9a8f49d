"""`POST /requirements.txt`, as pypicache's users call it: `pip freeze | curl -F requirements=@- …/requirements.txt`.

It waits until everything is here or is known not to come, and answers with the keys that pypicache's answer has:
`cached`, filenames; `failed` and `unparseable`, lines as they came.  More stands beside.  As with pypicache a line that
asks for what is nowhere has failed, and the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import define, evolve, field, frozen
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion
from twisted.web.server import Request

from tiercache.cache.pages import Pages
from tiercache.errors import InvalidName, ProjectAbsent, RequestMalformed, TiercacheError
from tiercache.interfaces import Pool
from tiercache.prefetch.documents import REQUIREMENTS, document_of
from tiercache.prefetch.inputs.gathering import MOST_REQUIREMENTS
from tiercache.prefetch.inputs.text import MOST_LINES, has_too_many_lines
from tiercache.prefetch.side_by_side import side_by_side
from tiercache.simple.names import normalise, version_in
from tiercache.web.answer import Answer, json
from tiercache.web.documents import body_of, kind_of, parts_of
from tiercache.web.openapi import FORM
from tiercache.web.prefetch import MAY, IJobs
from tiercache.web.refusals import refused_requirements
from tiercache.web.request import ask_of, field_of, hops_of
from tiercache.web.route import Route
from tiercache.web.unfinished import unless_stopping
from tiercache.web.upload_paths import REQUIREMENTS_PATH
from tiercache.web.visitor import may_read, principal_of
from tiercache.wire.prefetch import Document, JobState, Report, Wanted

LOOKED_UP_AT_ONCE = 50
"""Their pages come many at a time from a tier that is a node."""

_BEHIND = re.compile(r"(?<!\s)\s+(?:--hash[= ]|#).*|\\$|^-.*")
"""What stands behind a requirement in its line, and lines that are options."""


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
    _pages: Pages
    _pool: Pool

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (Route(verb="POST", path=REQUIREMENTS_PATH, act=self.take, permission=MAY),)

    async def take(self, request: Request) -> Answer:
        """Prefetch what requirements need, and say what came of it."""
        document = await self._pool(_document_in, await body_of(request), field_of(request, "content-type"))
        nowhere = await self._nowhere(request, await self._pool(required_in, document))
        # What pip froze may well have no wheel, and was installed all the same.
        found = await self._pool(_without, document, nowhere)
        wanted = Wanted(documents=(found,), sdists=True)
        job = await self._jobs.submit(wanted, principal_of(request), hops_of(request))
        ended = await unless_stopping(request, self._jobs.ended(job.id))
        if ended is None:
            return refused_requirements(
                503, f"This node is stopping, and goes on with the job {job.id} when it is back."
            )
        return json(await self._pool(cached_of, ended, document, nowhere))

    async def _nowhere(self, request: Request, required: Mapping[int, Requirement]) -> dict[int, str]:
        """The lines that ask for a project or a release which nobody lists, by their numbers; and why they fail."""
        nowhere: dict[int, str] = {}
        ask = ask_of(request, local=False)

        async def look(line: int) -> None:
            requirement = required[line]
            project = normalise(requirement.name)
            try:
                if not may_read(request, project):
                    raise ProjectAbsent(project=project)
                page = (await self._pages.shown(project, ask)).page
            except ProjectAbsent as error:
                nowhere[line] = str(error)
                return
            except TiercacheError:
                return  # whether it is anywhere cannot be told now
            versions = {version_in(file.filename, project) for file in page.files}
            if not any(version and _allows(requirement, version) for version in versions):
                nowhere[line] = f"No release of {project} is {requirement.specifier}."

        await side_by_side(required, look, LOOKED_UP_AT_ONCE)
        return nowhere


def _document_in(body: bytes, content_type: str | None) -> Document:
    """The requirements: of a form the part `requirements`, else the body.  Raises RequestMalformed, UploadRefused."""
    document = _sent(body, content_type)
    if has_too_many_lines(document.text):
        raise RequestMalformed(reason=f"there are more than {MOST_LINES} lines in it")
    return document


def _sent(body: bytes, content_type: str | None) -> Document:
    if kind_of(content_type) != FORM:
        if not body.strip():
            raise RequestMalformed(reason="there are no requirements in it")
        return document_of(REQUIREMENTS, body)
    parts = [part for part in parts_of(body, content_type) if part.name == "requirements"]
    if len(parts) != 1:
        raise RequestMalformed(reason="it is to have one part named requirements")
    return document_of(parts[0].filename or "", parts[0].content)


def cached_of(job: JobState, document: Document, nowhere: Mapping[int, str]) -> Cached:
    """What is said of a job that is over and was about the lines of one document but those that are `nowhere`."""
    reasons = dict(_reasons(job))
    text = document.text.splitlines()
    required = {line: one for line, one in required_in(document).items() if line not in nowhere}
    lines: dict[str, list[str]] = {}
    for line, one in required.items():
        lines.setdefault(canonicalize_name(one.name), []).append(text[line - 1].strip())
    told = dict.fromkeys(lines) if job.phase != "done" else {_project_of(what): what for what in reasons}
    failed = [text[line - 1].strip() for line in nowhere]
    failed += [line for project, what in told.items() for line in lines.get(project, [what or project])]
    return Cached(
        cached=[file.filename for file in job.files if file.outcome in ("stored", "fetched")],
        failed=failed,
        unparseable=[one.text for one in job.unparseable],
        ready=not nowhere and job.report is not None and job.report.ready,
        job=job.id,
        reasons=reasons | {text[line - 1].strip(): why for line, why in nowhere.items()},
        report=job.report,
    )


def required_in(document: Document) -> dict[int, Requirement]:
    """The requirements in the lines of a document, by their numbers, as far as they name no URL.

    They are bounded as in a prefetch, which tells of what is beyond.
    """
    found: dict[int, Requirement] = {}
    for number, line in enumerate(document.text.splitlines(), 1):
        if len(found) == MOST_REQUIREMENTS:
            break
        text = _BEHIND.sub("", line).strip()
        if not text or text.startswith("#"):
            continue
        try:
            requirement = Requirement(text)
            normalise(requirement.name)
        except (InvalidRequirement, InvalidName):
            continue
        if requirement.url is None:
            found[number] = requirement
    return found


def _without(document: Document, lines: Mapping[int, str]) -> Document:
    """The same without some lines, and those that are continued from them; the numbers of the others stay."""
    kept: list[str] = []
    is_left_out, before = False, ""
    for number, line in enumerate(document.text.splitlines(), 1):
        is_left_out = number in lines or (is_left_out and before.endswith("\\"))
        kept.append("" if is_left_out else line)
        before = line
    return evolve(document, text="\n".join(kept))


def _allows(requirement: Requirement, version: str) -> bool:
    try:
        return requirement.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        return False


def _reasons(job: JobState) -> Iterator[tuple[str, str]]:
    if job.reason is not None:
        yield job.what or job.phase, job.reason
    for file in job.files:
        if file.outcome == "failed":
            yield f"{file.project}=={file.version}", file.reason or "it could not be had"
    for target in () if job.report is None else job.report.targets:
        for missing in target.missing:
            yield missing.what, missing.why


def _project_of(text: str) -> str:
    """The project that a requirement is for; the text itself where it is none."""
    try:
        return canonicalize_name(Requirement(text.strip()).name)
    except InvalidRequirement:
        return text
