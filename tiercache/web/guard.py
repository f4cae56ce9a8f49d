"""The guard: in front of every route, it says who may have what stands behind it.

A route declares a permission, and the guard reads from the names of its parameters what it is about: a project, a
file, or neither; then whoever may read anything at all may have it, and the route itself leaves out what they may not
read (`readable`).  A file is readable if its project is.  What somebody may not read looks the same whether it is there
or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from attrs import define, evolve
from twisted.web.server import Request
from zope.interface import Interface, implementer

from tiercache.access.permissions import NOTHING, Permissions, Scope
from tiercache.access.principals import Principal
from tiercache.errors import (
    ControlTokenNeeded,
    CredentialsNeeded,
    CredentialsWrong,
    FileAbsent,
    NotStored,
    PermissionMissing,
    ProjectAbsent,
    SidecarUnavailable,
)
from tiercache.simple.model import ProjectName
from tiercache.simple.names import candidate_projects, normalise
from tiercache.web.answer import Answer
from tiercache.web.logins import Logins
from tiercache.web.request import ask_of
from tiercache.web.route import Route

PROJECT, FILENAME, DIGEST = "project", "filename", "sha256"
"""The parameters of paths that say what a route is about."""

PLAIN = frozenset({"segment", "directories", "version"})
"""Those that say nothing that is not said by one of these beside them."""

_NOT_THERE = (FileAbsent, NotStored, ProjectAbsent, SidecarUnavailable)


class IReader(Interface):
    """Who reads: what is known of it is kept with the request."""


@implementer(IReader)
@define
class Reader:
    """`scope`: what they may read.  `principal` None: nobody had to ask who they are."""

    scope: Scope
    principal: Principal | None = None


def readable(request: Request) -> Scope:
    """What may be read by who sent a request, where one answer is about many projects; of a guarded route alone."""
    reader: Reader | None = request.getComponent(IReader)
    return NOTHING if reader is None else reader.scope


def may_read(request: Request, project: ProjectName) -> bool:
    """Whether who sent a request may read a project."""
    return project in readable(request)


@define(kw_only=True)
class Guard:
    """Lets through to routes, or not."""

    _permissions: Permissions
    _logins: Logins

    async def answer(self, route: Route, request: Request, parameters: Mapping[str, str]) -> Answer:
        """What a route answers to who may have it.

        Raises CredentialsNeeded, CredentialsWrong, ControlTokenNeeded, PermissionMissing, TooManyLogins, and what the
        route raises.
        """
        if route.permission == "operate" and not self._logins.is_operators(request):
            raise ControlTokenNeeded
        if route.permission != "read":
            return await route.act(request, **parameters)
        reader = Reader(self._permissions.read_by_anyone)
        request.setComponent(IReader, reader)
        if reader.scope.is_all:
            return await route.act(request, **parameters)
        filename = _without_suffix(parameters[FILENAME]) if FILENAME in parameters else None
        if filename is None:
            answer, is_for_anyone = await self._plain(route, request, parameters, reader)
        else:
            answer, is_for_anyone = await self._file(route, request, parameters, reader, filename)
        return answer if is_for_anyone else _for_the_reader_alone(answer)

    async def _plain(
        self, route: Route, request: Request, parameters: Mapping[str, str], reader: Reader
    ) -> tuple[Answer, bool]:
        """The answer of a route about a project, or about none in particular; and whether it is for anyone."""
        project = normalise(parameters[PROJECT]) if PROJECT in parameters else None
        is_for_anyone = project is not None and project in reader.scope
        if not is_for_anyone:
            await self._ask_who(request, reader)
            if reader.scope.is_empty or (project is not None and project not in reader.scope):
                raise _refusal(reader)
        return await route.act(request, **parameters), is_for_anyone

    async def _file(
        self, route: Route, request: Request, parameters: Mapping[str, str], reader: Reader, filename: str
    ) -> tuple[Answer, bool]:
        """The answer of a route about a file.

        A name such as `acme-tools-1.0.tar.gz` may be that of a file of `acme`, too: if any of these projects may be
        read the file is looked for, and only then it is known whose it is.
        """
        projects = candidate_projects(filename)
        if not projects or not all(project in reader.scope for project in projects):
            await self._ask_who(request, reader)
            if reader.scope.is_empty or (projects and not any(project in reader.scope for project in projects)):
                raise _refusal(reader)
        try:
            answer = await route.act(request, **parameters)
            if answer.project is None or answer.project not in reader.scope:
                answer = await self._hidden(answer, request, reader, filename)
        except _NOT_THERE:
            is_clear = bool(projects) and all(project in reader.scope for project in projects)
            if is_clear or reader.scope.is_all:
                raise
            # Whether it is not there or hidden: who has not said who they are may be somebody who may read it.
            if reader.principal is None or reader.principal.user is None:
                raise CredentialsNeeded from None
            raise _absent(request, filename) from None
        return answer, answer.project is not None and answer.project in self._permissions.read_by_anyone

    async def _hidden(self, answer: Answer, request: Request, reader: Reader, filename: str) -> Answer:
        """The answer of a file that turned out to be of a project which nobody in particular may read."""
        if reader.principal is None:
            # Wrong credentials are not told of: they are not asked for where there is no such file.
            with suppress(CredentialsWrong):
                await self._ask_who(request, reader)
        if reader.scope.is_all or (answer.project is not None and answer.project in reader.scope):
            return answer
        if answer.body is not None and not isinstance(answer.body, bytes):
            answer.body.close()
        raise _absent(request, filename)

    async def _ask_who(self, request: Request, reader: Reader) -> None:
        reader.principal = await self._logins.principal(request)
        reader.scope = self._permissions.scope(reader.principal, "read")


def _refusal(reader: Reader) -> CredentialsNeeded | PermissionMissing:
    user = None if reader.principal is None else reader.principal.user
    return CredentialsNeeded() if user is None else PermissionMissing(user=user, permission="read")


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
    return evolve(answer, headers={**answer.headers, "Cache-Control": ", ".join(directives)})
