"""`/api/v1/projects/<project>`: what is hosted here, and what becomes of it after publishing.

Each change needs the permission to manage the project, and is told in the audit trail with who made it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from attrs import define, frozen
from twisted.web.server import Request

from tiercache.cache.deleted import DeletedFiles
from tiercache.cache.hosted import ACTIVE, Hosted
from tiercache.errors import ProjectAbsent
from tiercache.interfaces import DeletedFile
from tiercache.policy.removed import is_quarantined
from tiercache.simple.model import File, Page, ProjectName
from tiercache.simple.names import checked_filename, normalise, parse_filename
from tiercache.web.answer import JSON, Answer, json
from tiercache.web.request import parameter_of
from tiercache.web.route import Operation, Parameter, Reply, Route
from tiercache.web.stated import Reason, body_of, one_line
from tiercache.web.visitor import who_of

Status = Literal["active", "archived", "deprecated", "quarantined"]

PROJECT = Parameter(name="project", place="path", type=str, about="A project's name, in any spelling.")
FILENAME = Parameter(name="filename", place="path", type=str, about="The name of one of its files.")
VERSION = Parameter(name="version", place="path", type=str, about="The version of one of its releases.")
REASON = Parameter(name="reason", place="query", type=Reason, about="Why, for the audit trail.")

ABSENT = {404: "No such project, release or file is hosted here."}
WRONG = {400: "What is said is not what is asked for."}


@frozen(kw_only=True)
class FileShown:
    """A file of a project."""

    filename: str
    version: str | None
    hashes: dict[str, str]
    size: int | None
    requires_python: str | None
    upload_time: str | None
    yanked: bool | str


@frozen(kw_only=True)
class ProjectShown:
    """A project that is hosted here, with the files that it offers."""

    project: str
    status: str
    reason: str | None
    files: list[FileShown]


@frozen(kw_only=True)
class DeletedShown:
    """A deleted file.  `restorable_until`, in seconds since 1970: None where its time is over."""

    filename: str
    version: str | None
    sha256: str
    deleted_at: float
    restorable_until: float | None


@frozen(kw_only=True)
class DeletedOfProject:
    """What was deleted of a project: names that no other file ever gets."""

    project: str
    files: list[DeletedShown]


@frozen(kw_only=True)
class Yank:
    """Why a file is yanked."""

    reason: Reason | None = None


@frozen(kw_only=True)
class StatusAsked:
    """The status that a project is to have (PEP 792), and why."""

    status: Status
    reason: Reason | None = None


@frozen(kw_only=True)
class Restore:
    """What is to be restored: one file, or one release, or with neither whatever can be."""

    filename: str | None = None
    version: str | None = None


@frozen(kw_only=True)
class FilesChanged:
    """The files of a project that became something else than they were."""

    project: str
    filenames: list[str]


@define(kw_only=True)
class ProjectRoutes:
    """Shows and changes hosted projects."""

    _hosted: Hosted
    _deleted: DeletedFiles

    def routes(self) -> tuple[Route, ...]:
        """Whoever may read a project sees what is here of it; the rest is for who may manage it."""
        path = "/api/v1/projects/<project>"
        changed = {200: Reply(about="What is not as it was.", bodies={JSON: FilesChanged})}
        shown = {200: Reply(about="The project as it is now.", bodies={JSON: ProjectShown})}
        deleted = {200: Reply(about="The deleted files.", bodies={JSON: DeletedOfProject})}
        return (
            Route(
                verb="GET",
                path=path,
                act=self.show,
                permission="read",
                operation=Operation(
                    name="getProject",
                    about="What is hosted here of a project.",
                    parameters=(PROJECT,),
                    replies=shown,
                    problems=ABSENT,
                ),
            ),
            Route(
                verb="GET",
                path=f"{path}/deleted",
                act=self.show_deleted,
                permission="manage",
                operation=Operation(
                    name="getDeleted",
                    about="What was deleted of a project, and until when it can be restored.",
                    parameters=(PROJECT,),
                    replies=deleted,
                    problems={404: ABSENT[404]},
                ),
            ),
            Route(
                verb="PUT",
                path=f"{path}/files/<filename>/yank",
                act=self.yank,
                permission="manage",
                operation=Operation(
                    name="yankFile",
                    about="Yank a file (PEP 592): only who asks for just this version gets it.",
                    parameters=(PROJECT, FILENAME),
                    body=Yank,
                    replies=changed,
                    problems=ABSENT | WRONG,
                ),
            ),
            Route(
                verb="DELETE",
                path=f"{path}/files/<filename>/yank",
                act=self.unyank,
                permission="manage",
                operation=Operation(
                    name="unyankFile",
                    about="Offer a file again that was yanked.",
                    parameters=(PROJECT, FILENAME),
                    replies=changed,
                    problems=ABSENT,
                ),
            ),
            Route(
                verb="PUT",
                path=f"{path}/status",
                act=self.set_status,
                permission="manage",
                operation=Operation(
                    name="setStatus",
                    about="Give a project a status (PEP 792).",
                    parameters=(PROJECT,),
                    body=StatusAsked,
                    replies=shown,
                    problems=ABSENT | WRONG,
                ),
            ),
            *(
                Route(
                    verb="DELETE",
                    path=f"{path}{what}",
                    act=self.delete,
                    permission="manage",
                    operation=Operation(
                        name=name,
                        about=f"Delete {about}; it can be restored for a time.",
                        parameters=(PROJECT, *more, REASON),
                        replies=changed,
                        problems=ABSENT | WRONG,
                    ),
                )
                for what, name, about, more in (
                    ("", "deleteProject", "every file of a project, whose name stays reserved", ()),
                    ("/releases/<version>", "deleteRelease", "every file of a release", (VERSION,)),
                    ("/files/<filename>", "deleteFile", "a file", (FILENAME,)),
                )
            ),
            Route(
                verb="POST",
                path=f"{path}/restore",
                act=self.restore,
                permission="manage",
                operation=Operation(
                    name="restore",
                    about="Restore what was deleted of a project.",
                    parameters=(PROJECT,),
                    body=Restore,
                    replies=changed,
                    problems={404: "Nothing such can be restored."} | WRONG,
                ),
            ),
            Route(
                verb="DELETE",
                path=f"{path}/name",
                act=self.release,
                permission="manage",
                operation=Operation(
                    name="releaseHostedName",
                    about="Give the name of a project free of which every file is deleted: other tiers may answer it.",
                    parameters=(PROJECT,),
                    replies=changed,
                    problems=ABSENT | {409: "The project still has files."},
                ),
            ),
        )

    async def show(self, request: Request, project: str) -> Answer:
        """What is here."""
        return self._shown(normalise(project))

    async def show_deleted(self, request: Request, project: str) -> Answer:
        """What was here."""
        name = normalise(project)
        files = self._deleted.of(name)
        if not files and not self._hosted.is_hosted(name):
            raise ProjectAbsent(project=name)
        return json(DeletedOfProject(project=name, files=[self._shown_deleted(name, file) for file in files]))

    async def yank(self, request: Request, project: str, filename: str) -> Answer:
        """Yank one."""
        name, reason = normalise(project), one_line(body_of(request, Yank).reason)
        changed = await self._hosted.yank(name, checked_filename(filename), reason or True, by=who_of(request))
        return _changed(name, [filename] if changed else [])

    async def unyank(self, request: Request, project: str, filename: str) -> Answer:
        """Take that back."""
        name = normalise(project)
        changed = await self._hosted.yank(name, checked_filename(filename), False, by=who_of(request))
        return _changed(name, [filename] if changed else [])

    async def set_status(self, request: Request, project: str) -> Answer:
        """Say how the project does."""
        name, asked = normalise(project), body_of(request, StatusAsked)
        await self._hosted.set_status(name, asked.status, one_line(asked.reason), by=who_of(request))
        return self._shown(name)

    async def delete(
        self, request: Request, project: str, version: str | None = None, filename: str | None = None
    ) -> Answer:
        """Delete a file, a release, or all."""
        name, reason = normalise(project), one_line(parameter_of(request, "reason"))
        gone = await self._deleted.delete(
            name, version=version, filename=filename, by=who_of(request), reason=reason or ""
        )
        return _changed(name, gone)

    async def restore(self, request: Request, project: str) -> Answer:
        """Have it back."""
        name, asked = normalise(project), body_of(request, Restore)
        back = await self._deleted.restore(name, version=asked.version, filename=asked.filename, by=who_of(request))
        return _changed(name, back)

    async def release(self, request: Request, project: str) -> Answer:
        """Let others have the name."""
        name = normalise(project)
        await self._hosted.release(name, by=who_of(request))
        return _changed(name, [])

    # -- how --------------------------------------------------------------------------------------------------

    def _shown(self, name: ProjectName) -> Answer:
        page = self._hosted.page(name)
        if page is None:
            raise ProjectAbsent(project=name)
        return json(
            ProjectShown(
                project=name,
                status=page.status.status if page.status is not None else ACTIVE,
                reason=page.status.reason if page.status is not None else None,
                files=[_file(name, file) for file in _offered(page)],
            )
        )

    def _shown_deleted(self, name: ProjectName, file: DeletedFile) -> DeletedShown:
        return DeletedShown(
            filename=file.listing.filename,
            version=parse_filename(file.listing.filename, name).version,
            sha256=file.sha256,
            deleted_at=file.at,
            restorable_until=self._deleted.kept_until(file),
        )


def _offered(page: Page) -> tuple[File, ...]:
    return () if is_quarantined(page) else page.files


def _file(name: ProjectName, file: File) -> FileShown:
    return FileShown(
        filename=file.filename,
        version=parse_filename(file.filename, name).version,
        hashes=dict(file.hashes),
        size=file.size,
        requires_python=file.requires_python,
        upload_time=file.upload_time,
        yanked=file.yanked,
    )


def _changed(name: ProjectName, filenames: Iterable[str]) -> Answer:
    return json(FilesChanged(project=name, filenames=list(filenames)))
