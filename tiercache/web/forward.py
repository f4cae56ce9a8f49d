"""Where uploads go: here, nowhere, or on to a tier, which decides about them, and whose word is the answer.

What goes on lies in a partial of the store meanwhile, and is let go of then, whatever the tier said.
"""

from __future__ import annotations

from attrs import define, evolve
from twisted.web.server import Request

from tiercache.config.values import PublishConfig
from tiercache.errors import ArchiveRefused
from tiercache.interfaces import IFiles, Pool, TierSaid, UploadForm
from tiercache.publish.archive import read_archive
from tiercache.publish.forwarding import Forwarding, form_of
from tiercache.publish.legacy_form import legacy_form
from tiercache.publish.publisher import Publisher
from tiercache.web.answer import Answer, text
from tiercache.web.errors import RETRY_AFTER_S
from tiercache.web.publish import Destination, Hosting, Upload, UploadRoutes, refusing_routes
from tiercache.web.request import field_of, hops_of
from tiercache.web.route import Route
from tiercache.web.visitor import principal_of


@define(kw_only=True)
class HandingOn:
    """Uploads go to a tier."""

    _forwarding: Forwarding
    _pool: Pool
    limit_bytes: int

    async def take(self, request: Request, upload: Upload) -> Answer:
        """See `Destination`."""
        project = upload.submission.project
        self._forwarding.check(project)
        form = await self._pool(_form, upload)
        said = await self._forwarding.forward(
            project, form, authorization=_authorization(request), hops=hops_of(request)
        )
        return _answer(said)


def routes_to(
    publish: PublishConfig, publisher: Publisher, forwarding: Forwarding | None, *, files: IFiles, pool: Pool
) -> tuple[Route, ...]:
    """The routes of uploads, to where the configuration says that they go."""
    limit_bytes = publish.max_size_bytes
    destination: Destination
    if forwarding is not None:
        destination = HandingOn(forwarding=forwarding, pool=pool, limit_bytes=limit_bytes)
    elif publish.to == "here":
        destination = Hosting(publisher=publisher, limit_bytes=limit_bytes)
    else:
        return refusing_routes()
    routes = UploadRoutes(destination=destination, files=files, pool=pool, is_for_others=forwarding is not None)
    return routes.routes()


def _authorization(request: Request) -> str | None:
    """The uploader's own; the token of this node's operator opens this node alone, and is shown to nobody."""
    return None if principal_of(request).is_operator else field_of(request, "authorization")


def _form(upload: Upload) -> UploadForm:
    """The form as it came, or what it would have been.  Blocking."""
    if upload.form is not None:
        return form_of(upload.form)
    arrival = upload.arrival
    core_metadata: bytes | None = None
    try:
        with arrival.opened() as archive:
            core_metadata = read_archive(archive, upload.submission.filename).core_metadata
    except ArchiveRefused:
        pass  # the tier will say so in its own words
    return legacy_form(
        upload.submission,
        core_metadata=core_metadata,
        hashes=arrival.hashes,
        size_bytes=arrival.size_bytes,
        read=arrival.read,
    )


def _answer(said: TierSaid) -> Answer:
    headers = dict(said.headers)
    if said.status == 503:
        headers.setdefault("Retry-After", f"{RETRY_AFTER_S:.0f}")
    # As plain text, whatever the tier calls it: what it says is shown here, and nothing of it is done.
    return evolve(text(said.status, said.text.rstrip("\n"), headers), reason=said.reason or None)
