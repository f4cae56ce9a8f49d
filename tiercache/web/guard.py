"""The guard: in front of every route, it says who may have what stands behind it.

A route declares a permission, and the guard reads from the names of its parameters what it is about: a project, a
file, or neither; then whoever has the permission for anything at all is let through, and the route itself leaves out or
refuses what they have it not for (`visitor.scope_of`).  A file is readable if its project is.  What somebody may not
read looks the same whether it is there or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from attrs import define, evolve
from twisted.web.server import Request

from tiercache.access.permissions import Permissions
from tiercache.access.tokens import Permission as Granted
from tiercache.errors import (
    ControlTokenNeeded,
    CredentialsNeeded,
    CredentialsWrong,
    CrossSite,
    FileAbsent,
    NotStored,
    ProjectAbsent,
    SidecarUnavailable,
    TooManyFailures,
)
from tiercache.simple.model import ProjectName
from tiercache.simple.names import candidate_projects, normalise
from tiercache.web.answer import Answer
from tiercache.web.client import Clients
from tiercache.web.logins import Logins
from tiercache.web.request import ask_of
from tiercache.web.route import Permission, Route
from tiercache.web.visitor import IVisitor, Visitor, refusal, scope_of

PROJECT, FILENAME, DIGEST = "project", "filename", "sha256"
"""The parameters of paths that say what a route is about."""

PLAIN = frozenset({"segment", "directories", "version", "token", "job"})
"""Those that are about no project, or say nothing of it that one of these beside them does not say."""

SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
"""The methods by which nothing is changed (RFC 9110 section 9.2.1)."""

_NOT_THERE = (FileAbsent, NotStored, ProjectAbsent, SidecarUnavailable)


@define(kw_only=True)
class Guard:
    """Lets through to routes, or not."""

    _permissions: Permissions
    _logins: Logins
    _clients: Clients

    async def admit(self, request: Request, permission: Permission, *, takes_strangers: bool = False) -> None:
        """Let a request through whose sender may do this with any project at all, and note who it is.

        `takes_strangers` as in `Route`.
        To be asked as soon as its head is there, before its body is taken.  Raises as `answer` does.
        """
        self._refuse_other_sites(request)
        if permission == "operate":
            if not self._logins.is_operators(request):
                raise ControlTokenNeeded
            request.setComponent(IVisitor, Visitor(self._permissions, self._logins.operator(request)))
            return
        visitor = Visitor(self._permissions)
        request.setComponent(IVisitor, visitor)
        if takes_strangers:
            visitor.principal = await self._logins.principal_or_stranger(request)
        else:
            visitor.principal = await self._logins.principal(request)
        if permission == "identify":
            if not visitor.principal.is_known:
                raise CredentialsNeeded
        elif visitor.scope(permission).is_empty:
            raise refusal(request, permission)

    async def answer(self, route: Route, request: Request, parameters: Mapping[str, str]) -> Answer:
        """What a route answers to who may have it.

        Raises CredentialsNeeded, CredentialsWrong, ControlTokenNeeded, CrossSite, PermissionMissing, TooManyFailures,
        TooManyLogins, and what the route raises.
        """
        self._refuse_other_sites(request)
        match route.permission:
            case None:
                return await route.act(request, **parameters)
            case "read":
                return await self._read(route, request, parameters)
            case permission:
                await self.admit(request, permission, takes_strangers=route.takes_strangers)
                if permission != "identify" and permission != "operate":
                    self._refuse_other_projects(request, permission, parameters)
                return _for_the_reader_alone(await route.act(request, **parameters))

    def _refuse_other_sites(self, request: Request) -> None:
        if request.method not in SAFE and self._clients.is_cross_site(request):
            raise CrossSite

    def _refuse_other_projects(self, request: Request, permission: Granted, parameters: Mapping[str, str]) -> None:
        """Raise where what the path is about is none of the projects that who asks may do this with."""
        projects: Sequence[ProjectName] = ()
        if PROJECT in parameters:
            projects = (normalise(parameters[PROJECT]),)
        elif FILENAME in parameters:
            projects = candidate_projects(parameters[FILENAME])
        if projects and not any(project in scope_of(request, permission) for project in projects):
            raise refusal(request, permission)

    async def _read(self, route: Route, request: Request, parameters: Mapping[str, str]) -> Answer:
        reader = Visitor(self._permissions)
        request.setComponent(IVisitor, reader)
        if reader.scope("read").is_all:
            return await route.act(request, **parameters)
        filename = _without_suffix(parameters[FILENAME]) if FILENAME in parameters else None
        if filename is None:
            answer, is_for_anyone = await self._plain(route, request, parameters, reader)
        else:
            answer, is_for_anyone = await self._file(route, request, parameters, reader, filename)
        return answer if is_for_anyone else _for_the_reader_alone(answer)

    async def _plain(
        self, route: Route, request: Request, parameters: Mapping[str, str], reader: Visitor
    ) -> tuple[Answer, bool]:
        """The answer of a route about a project, or about none in particular; and whether it is for anyone."""
        project = normalise(parameters[PROJECT]) if PROJECT in parameters else None
        is_for_anyone = project is not None and project in reader.scope("read")
        if not is_for_anyone:
            await self._ask_who(request, reader)
            if reader.scope("read").is_empty or (project is not None and project not in reader.scope("read")):
                raise refusal(request, "read")
        return await route.act(request, **parameters), is_for_anyone

    async def _file(
        self, route: Route, request: Request, parameters: Mapping[str, str], reader: Visitor, filename: str
    ) -> tuple[Answer, bool]:
        """The answer of a route about a file.

        A name such as `acme-tools-1.0.tar.gz` may be that of a file of `acme`, too: if any of these projects may be
        read the file is looked for, and only then it is known whose it is.
        """
        projects = candidate_projects(filename)
        if not projects or not all(project in reader.scope("read") for project in projects):
            await self._ask_who(request, reader)
            if reader.scope("read").is_empty or (
                projects and not any(project in reader.scope("read") for project in projects)
            ):
                raise refusal(request, "read")
        try:
            answer = await route.act(request, **parameters)
            if answer.project is None or answer.project not in reader.scope("read"):
                answer = await self._hidden(answer, request, reader, filename)
        except _NOT_THERE:
            is_clear = bool(projects) and all(project in reader.scope("read") for project in projects)
            if is_clear or reader.scope("read").is_all:
                raise
            # Whether it is not there or hidden: who has not said who they are may be somebody who may read it.
            if reader.principal is None or not reader.principal.is_known:
                raise CredentialsNeeded from None
            raise _absent(request, filename) from None
        return answer, answer.project is not None and answer.project in self._permissions.read_by_anyone

    async def _hidden(self, answer: Answer, request: Request, reader: Visitor, filename: str) -> Answer:
        """The answer of a file that turned out to be of a project which nobody in particular may read."""
        if reader.principal is None:
            # Wrong credentials are not told of: they are not asked for where there is no such file.
            with suppress(CredentialsWrong, TooManyFailures):
                await self._ask_who(request, reader)
        if reader.scope("read").is_all or (answer.project is not None and answer.project in reader.scope("read")):
            return answer
        if answer.body is not None and not isinstance(answer.body, bytes):
            answer.body.close()
        raise _absent(request, filename)

    async def _ask_who(self, request: Request, reader: Visitor) -> None:
        reader.principal = await self._logins.principal(request)


def _absent(request: Request, filename: str) -> FileAbsent | NotStored:
    """What is raised for a file that is nowhere."""
    is_local = request.path.startswith(b"/local/")
    if is_local or ask_of(request, local=False).only_if_cached:
        return NotStored(subject=filename)
    return FileAbsent(filename=filename)


def _without_suffix(filename: str) -> str:
    return filename.removesuffix(".metadata").removesuffix(".provenance")


def _for_the_reader_alone(answer: Answer) -> Answer:
    """The same, kept by no cache that serves others (RFC 9111 section 5.2.2.7)."""
    stated = [one.strip() for one in answer.headers.get("Cache-Control", "").split(",")]
    kept = [one for one in stated if one and one not in ("public", "private") and not one.startswith("s-maxage")]
    directives = kept if "no-store" in kept else ["private", *kept]
    return evolve(answer, headers={**answer.headers, "Cache-Control": ", ".join(directives)}, standing=None)
