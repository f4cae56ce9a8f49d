"""Pages for this node's own resolver, on which sdists count as wheels, and what these require: no code of them is run.

`/sdists/simple/<project>/`, `/sdists/local/<project>/`, and of each sdist there its `.metadata`.
"""

from __future__ import annotations

from urllib.parse import quote

from attrs import define
from klein import Klein
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Request

from tiercache.access.credentials import credentials_of
from tiercache.access.permissions import Permissions
from tiercache.access.warrants import Warrants
from tiercache.cache.pages import Pages
from tiercache.errors import FileAbsent, ProjectAbsent
from tiercache.policy.entry import Ask
from tiercache.prefetch.sdist_metadata import SdistMetadata
from tiercache.simple.made_wheels import is_made, with_made_wheels
from tiercache.simple.model import File, ProjectName
from tiercache.simple.names import identity_of, normalise, parse_identity
from tiercache.simple.render import render_json
from tiercache.web.answer import NO_STORE, TEXT, Answer
from tiercache.web.errors import answer_to
from tiercache.web.request import field_of
from tiercache.web.respond import Responder
from tiercache.web.simple import JSON_SYNTAX

ROOT = "/sdists/"
_METADATA = ".metadata"


@define(kw_only=True)
class SdistPages:
    """What holders of a warrant are shown."""

    _pages: Pages
    _metadata: SdistMetadata
    _permissions: Permissions
    _warrants: Warrants

    async def page(self, request: Request, view: str, project: str) -> Answer:
        """A page, with a made wheel beside each sdist.  Raises as `Pages` does."""
        name = normalise(project)
        if not self._may_read(request, name):
            raise ProjectAbsent(project=name)
        page = with_made_wheels((await self._pages.shown(name, _ask(view))).page)
        sdists = {
            identity_of(file): file.filename
            for file in page.files
            if not is_made(file.filename) and not file.filename.endswith(".whl")
        }

        def file_url(file: File) -> str:
            identity = identity_of(file)
            if is_made(file.filename):
                return f"{identity.segment}/{quote(sdists[identity], safe='')}"
            return f"/files/{identity.segment}/{quote(file.filename, safe='')}"

        body = render_json(page, file_url=file_url)
        return Answer(headers={"Content-Type": JSON_SYNTAX, "Cache-Control": NO_STORE}, body=body)

    async def sidecar(self, request: Request, view: str, project: str, segment: str, filename: str) -> Answer:
        """What an sdist requires.  Raises as `SdistMetadata` does."""
        name = normalise(project)
        if not filename.endswith(_METADATA) or not self._may_read(request, name):
            raise FileAbsent(filename=filename)
        data = await self._metadata.metadata(
            name, parse_identity(segment), filename.removesuffix(_METADATA), _ask(view)
        )
        return Answer(headers={"Content-Type": TEXT, "Cache-Control": NO_STORE}, body=data)

    def resource(self, responder: Responder) -> IResource:
        """All of it, mounted at the root of a site."""
        app = Klein()
        app.url_map.merge_slashes = False

        @app.route(f"{ROOT}<any(simple, local):view>/<project>/")
        async def page(request: Request, view: str, project: str) -> None:
            await responder.send(request, await self.page(request, view, project))

        @app.route(f"{ROOT}<any(simple, local):view>/<project>/<segment>/<filename>")
        async def sidecar(request: Request, view: str, project: str, segment: str, filename: str) -> None:
            await responder.send(request, await self.sidecar(request, view, project, segment, filename))

        @app.handle_errors(Exception)  # type: ignore[arg-type]  # as in `app`
        async def failed(request: Request, failure: Failure) -> None:
            path = request.path.decode("ascii", "replace")
            await responder.send(request, answer_to(failure, method="GET", path=path, only_if_cached=False))

        return app.resource()

    def _may_read(self, request: Request, project: ProjectName) -> bool:
        reader = self._warrants.holder(credentials_of(field_of(request, "authorization")))
        return reader is not None and project in self._permissions.scope(reader, "read")


def _ask(view: str) -> Ask:
    return Ask(local=view == "local")
