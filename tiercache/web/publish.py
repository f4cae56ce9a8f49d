"""Where files are published: the form of twine, uv, flit and poetry, pypicache's form, and files put as they are.

A body is taken in while it comes, and written beside; whether somebody may send it at all was said before. What becomes
of it is the publisher's affair.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from attrs import define, evolve, frozen
from twisted.web.server import Request

from tiercache.errors import InvalidName, UploadRefused, UploadsRefused
from tiercache.interfaces import IFiles, Pool
from tiercache.publish.arrival import Arrival
from tiercache.publish.form import CONTENT, SDIST, FormField
from tiercache.publish.intake import FileIntake, FormIntake, TakenForm, boundary_of
from tiercache.publish.publisher import Published, Publisher
from tiercache.publish.submission import Submission, sole_file, submission_of, submission_of_filename
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise
from tiercache.web.answer import Answer, text
from tiercache.web.inflow import next_piece
from tiercache.web.request import field_of
from tiercache.web.route import Act, Permission, Route
from tiercache.web.upload_paths import FILE_PATH, FORM_PATHS, SDIST_PATHS
from tiercache.web.visitor import refusal, scope_of, who_of

PUBLISH: Permission = "publish"


def upload_routes(form: Act, sdist_form: Act, put: Act) -> tuple[Route, ...]:
    """Every route of an upload."""
    return (
        *(Route(verb="POST", path=path, act=form, permission=PUBLISH) for path in FORM_PATHS),
        *(Route(verb="POST", path=path, act=sdist_form, permission=PUBLISH) for path in SDIST_PATHS),
        Route(verb="PUT", path=FILE_PATH, act=put, permission=PUBLISH),
    )


def refusing_routes() -> tuple[Route, ...]:
    """The same of a node that takes none (`publish: {to: nowhere}`)."""

    async def refuse(request: Request, **_parameters: str) -> Answer:
        raise UploadsRefused

    return upload_routes(refuse, refuse, refuse)


@frozen(kw_only=True)
class Upload:
    """An upload that has come: `form` None where it came without one, or in pypicache's; `is_put`: as a file alone."""

    submission: Submission
    arrival: Arrival
    form: TakenForm | None = None
    is_put: bool = False


class Destination(Protocol):
    """Where uploads go; of files it takes `limit_bytes` at most."""

    limit_bytes: int

    async def take(self, request: Request, upload: Upload) -> Answer:
        """Do with an upload what is to be done, and answer.  Its bytes are gone when this has returned."""
        ...


@define(kw_only=True)
class Hosting:
    """Uploads are published to this node."""

    _publisher: Publisher
    limit_bytes: int

    async def take(self, request: Request, upload: Upload) -> Answer:
        """See `Destination`."""
        published = await self._publisher.publish(upload.submission, upload.arrival, by=who_of(request))
        return _told(published, 201 if upload.is_put and published.is_new else 200)  # RFC 9110 section 9.3.4


@define(kw_only=True)
class UploadRoutes:
    """Takes uploads in, and gives them to where they go.

    `is_for_others`: who may is for others to say, so that credentials which nobody here knows may come along.
    """

    _destination: Destination
    _files: IFiles
    _pool: Pool
    _is_for_others: bool = False

    def routes(self) -> tuple[Route, ...]:
        """All of them."""
        routes = upload_routes(self.form, self.sdist_form, self.put)
        return tuple(evolve(route, takes_strangers=self._is_for_others) for route in routes)

    async def form(self, request: Request) -> Answer:
        """The form that every publishing client sends."""
        return await self._form(request, CONTENT)

    async def sdist_form(self, request: Request) -> Answer:
        """The form of pypicache: its file alone says what it is."""
        return await self._form(request, SDIST)

    async def put(self, request: Request, directories: str, filename: str) -> Answer:
        """A file as it is, put where it can be had from then on."""
        _refuse_parts(request)
        submission = submission_of_filename(filename, _project_in(directories))
        _refuse_others(request, submission.project)
        file = self._intake()
        try:
            while piece := await next_piece(request):
                await self._pool(file.feed, piece)
            arrival = await self._pool(file.begin)
            return await self._destination.take(request, Upload(submission=submission, arrival=arrival, is_put=True))
        finally:
            await self._pool(file.discard)

    async def _form(self, request: Request, content: str) -> Answer:
        _refuse_parts(request)
        boundary = boundary_of(field_of(request, "content-type"))
        file = self._intake()
        intake = FormIntake(file=file, boundary=boundary, content=content)
        is_named = False
        try:
            while piece := await next_piece(request):
                await self._pool(intake.feed, piece)
                is_named = is_named or _refuse_named(request, intake.fields)
            taken = await self._pool(intake.finish)
            submission = _submission_in(taken, content)
            _refuse_others(request, submission.project)
            form = taken if content == CONTENT else None
            upload = Upload(submission=submission, arrival=taken.arrival, form=form)
            return await self._destination.take(request, upload)
        finally:
            await self._pool(file.discard)

    def _intake(self) -> FileIntake:
        return FileIntake(files=self._files, limit_bytes=self._destination.limit_bytes)


def _submission_in(taken: TakenForm, content: str) -> Submission:
    if content == CONTENT:
        return submission_of(taken.form)
    return submission_of_filename(sole_file(taken.form, content).filename)


def _told(published: Published, status: int) -> Answer:
    how = "is published" if published.is_new else "was published before, with these bytes"
    return text(status, f"{published.filename} {how}.")


def _refuse_others(request: Request, project: ProjectName) -> None:
    """Raise where who sends a request may not publish this project; the guard has seen that they may publish some."""
    if project not in scope_of(request, "publish"):
        raise refusal(request, "publish")


def _refuse_named(request: Request, fields: tuple[FormField, ...]) -> bool:
    """The same, as soon as a form has said its name: most do before the file comes.  Whether this one has."""
    name = next((field.value for field in fields if field.name == "name"), None)
    if name is None:
        return False
    with suppress(InvalidName):  # which is told when all is here
        _refuse_others(request, normalise(name.decode("ascii", "replace")))
    return True


def _refuse_parts(request: Request) -> None:
    """Raise for a body that is not what it will be: encoded, or a range of it (RFC 9110 section 14.5)."""
    if (field_of(request, "content-encoding") or "identity").lower() != "identity":
        raise UploadRefused(reason="its body is encoded, which no archive needs")
    if field_of(request, "content-range") is not None:
        raise UploadRefused(reason="its body is a part of something, and a file is taken as a whole")


def _project_in(directories: str) -> ProjectName:
    """The project in `source/m/mypackage` or `2.7/m/mypackage`, which decides between readings of a filename."""
    match directories.split("/"):
        case [_, _, project]:
            try:
                return normalise(project)
            except InvalidName:
                raise UploadRefused(reason=f"it is put below {project!r}, which is no project's name") from None
        case _:
            raise UploadRefused(reason="a file is put at /packages/source/m/mypackage/, or a wheel's Python for source")
