"""Takes in what is to be prefetched: JSON, or a form with files in it, as `curl -F requirements=@-` sends one.

A body is read while it comes, and no more of it than `MOST_DOCUMENT_BYTES`; the guard has said before that its sender
may send it.  What documents mean is the business of `prefetch.inputs`.
"""

from __future__ import annotations

import msgspec
from attrs import evolve, frozen
from multipart import MultipartError, MultipartSegment, PushMultipartParser  # type: ignore[import-untyped]  # it has annotations, and does not say so
from twisted.web.server import Request

from tiercache.errors import BodyTooLarge, InvalidName, RequestMalformed
from tiercache.interfaces import Pool
from tiercache.prefetch.documents import document_of
from tiercache.publish.intake import boundary_of
from tiercache.simple.names import normalise
from tiercache.web.inflow import inflow_of, next_piece
from tiercache.web.openapi import FORM
from tiercache.web.request import field_of
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES, MOST_DOCUMENTS, Wanted

WANTED = "wanted"
"""The part of a form with everything but the files, as JSON."""

CONSTRAINTS = "constraints"
"""The parts of a form that are constraints; each other one is a document."""

FORM_PARTS = {
    "requirements": "A file that says what is wanted, of any format that is known; any other name does as well.",
    CONSTRAINTS: "A file that bounds it.",
}
"""What there is to say of the parts of a form."""

_SHORT_FORM_FIELDS = 8


@frozen(kw_only=True)
class Part:
    """One part of a form: the name of its field, what it calls its file, and its bytes."""

    name: str
    filename: str | None
    content: bytes


async def wanted_of(request: Request, pool: Pool) -> Wanted:
    """What a request wants.  Raises BodyTooLarge, BodyStalled, RequestMalformed."""
    body = await body_of(request)
    content_type = field_of(request, "content-type")
    if kind_of(content_type) == FORM:
        return await pool(wanted_in_form, body, content_type)
    if kind_of(content_type) not in ("", "application/json"):
        raise RequestMalformed(reason=f"its body is to be application/json or {FORM}")
    return await pool(_wanted_in_json, body)


async def body_of(request: Request) -> bytes:
    """The whole body.  Raises BodyTooLarge, BodyStalled, RequestMalformed."""
    if (field_of(request, "content-encoding") or "identity").lower() != "identity":
        raise RequestMalformed(reason="its body is encoded, and is to be sent as it is")
    inflow = inflow_of(request)
    if inflow is not None and (inflow.stated_bytes or 0) > MOST_DOCUMENT_BYTES:
        raise BodyTooLarge(limit_bytes=MOST_DOCUMENT_BYTES)
    pieces: list[bytes] = []
    size_bytes = 0
    while piece := await next_piece(request):
        size_bytes += len(piece)
        if size_bytes > MOST_DOCUMENT_BYTES:
            raise BodyTooLarge(limit_bytes=MOST_DOCUMENT_BYTES)
        pieces.append(piece)
    return b"".join(pieces)


def kind_of(content_type: str | None) -> str:
    """The media type alone, in lower case."""
    return (content_type or "").partition(";")[0].strip().lower()


def parts_of(body: bytes, content_type: str | None) -> list[Part]:
    """The parts of a form.  Raises RequestMalformed, UploadRefused."""
    most = 2 * MOST_DOCUMENTS + _SHORT_FORM_FIELDS
    parser = PushMultipartParser(boundary_of(content_type), max_segment_count=most)
    parts: list[Part] = []
    pieces: list[bytes] = []
    segment: MultipartSegment | None = None
    try:
        for event in parser.parse(body):
            if isinstance(event, MultipartSegment):
                segment, pieces = event, []
            elif event is not None:
                pieces.append(bytes(event))
            elif segment is not None:
                parts.append(Part(name=str(segment.name or ""), filename=segment.filename, content=b"".join(pieces)))
        parser.close()
    except MultipartError as error:
        raise RequestMalformed(reason=f"its form cannot be read: {error}") from None
    return parts


def wanted_in_form(body: bytes, content_type: str | None) -> Wanted:
    """What a form wants.  Raises RequestMalformed, UploadRefused."""
    parts = parts_of(body, content_type)
    stated = [part.content for part in parts if part.name == WANTED]
    if len(stated) > 1:
        raise RequestMalformed(reason=f"its form has more than one part {WANTED!r}")
    wanted = _wanted_in_json(stated[0] if stated else b"")
    documents, constraints = list(wanted.documents), list(wanted.constraints)
    for part in parts:
        if part.name != WANTED:
            (constraints if part.name == CONSTRAINTS else documents).append(
                document_of(part.filename or "", part.content)
            )
    if max(len(documents), len(constraints)) > MOST_DOCUMENTS:
        raise RequestMalformed(reason=f"it has more than {MOST_DOCUMENTS} documents")
    return evolve(wanted, documents=tuple(documents), constraints=tuple(constraints))


def _wanted_in_json(body: bytes) -> Wanted:
    try:
        stated = msgspec.json.decode(body or b"{}")
        if isinstance(stated, dict) and isinstance(stated.get("newest"), float) and stated["newest"].is_integer():
            stated["newest"] = int(stated["newest"])  # which JSON Schema takes for an integer
        wanted = msgspec.convert(stated, Wanted)
        for project in {file.project for file in wanted.files}:
            normalise(project)
        return wanted
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, InvalidName) as error:
        raise RequestMalformed(reason=f"its body is not what it is to be: {error}") from None
