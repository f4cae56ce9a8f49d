"""`/api/v1/files/<sha256>`: a stored file by its digest, for a node that knows what it wants and verifies it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from attrs import define
from msgspec import Meta
from twisted.web.server import Request

from tiercache.cache.files import Files
from tiercache.errors import FileAbsent, NotStored
from tiercache.simple.digests import is_digest
from tiercache.simple.model import ProjectName
from tiercache.web.answer import Answer
from tiercache.web.files import ARCHIVE, stored_answer
from tiercache.web.request import ask_of
from tiercache.web.route import Operation, Parameter, Reply, Route
from tiercache.wire import FILES, ROOT

_WHOLE = {"ETag": "Names the bytes.", "Accept-Ranges": "`bytes`."}

_FILE = Operation(
    name="getFile",
    about="A file by its SHA-256, if it is in the store: no tier is ever asked for it.",
    parameters=(
        Parameter(
            name="sha256",
            place="path",
            type=Annotated[str, Meta(pattern="^[0-9a-f]{64}$")],
            about="Of the file, in lower-case hex.",
        ),
        Parameter(name="Range", place="header", type=str, about="Of bytes (RFC 9110 section 14)."),
        Parameter(name="If-Range", place="header", type=str, about="The ETag for which Range holds."),
        Parameter(name="If-None-Match", place="header", type=str, about="ETags of what is there already."),
        Parameter(
            name="Cache-Control",
            place="header",
            type=str,
            about="With `only-if-cached` what is not stored is answered with 504 (RFC 9111 section 5.2.1.7).",
        ),
    ),
    replies={
        200: Reply(about="The file.", bodies={ARCHIVE: bytes}, headers=_WHOLE),
        206: Reply(about="A part of it.", bodies={ARCHIVE: bytes}, headers={**_WHOLE, "Content-Range": "Which."}),
        304: Reply(about="It is what the caller has.", headers={"ETag": "Names the bytes."}),
    },
    problems={
        404: "No such file is in the store.",
        416: "The file has none of the bytes of the Range.",
        504: "No such file is in the store, and the caller wanted no more than a look there.",
    },
)


@define(kw_only=True)
class TierFiles:
    """The stored files, as siblings and children ask for them; `may_read` says whether a caller may."""

    _files: Files
    _may_read: Callable[[Request, ProjectName], bool]

    def routes(self) -> tuple[Route, ...]:
        """The one route."""
        return (Route(verb="GET", path=f"/{ROOT}{FILES}/<sha256>", act=self.file, permission="read", operation=_FILE),)

    async def file(self, request: Request, sha256: str) -> Answer:
        """The file, whole or in part; from the store or not at all."""
        found = await self._files.open_stored(sha256) if is_digest("sha256", sha256) else None
        if found is not None:
            record, opened = found
            if self._may_read(request, record.project):
                return stored_answer(request, opened)
            opened.close()  # who may not read it is not even told that it is here
        if ask_of(request, local=False).only_if_cached:
            raise NotStored(subject=f"The file {sha256}")
        raise FileAbsent(filename=sha256)
