"""The answer that a report of a prefetch is: JSON for programs, text for terminals, a page for people."""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

from tiercache.prefetch.report_text import as_html, as_text
from tiercache.simple.negotiate import choose_media
from tiercache.web.answer import HTML, JSON, NO_STORE, TEXT, Answer, json
from tiercache.web.request import field_of
from tiercache.wire.prefetch import Report

_TEXT, _HTML = "text/plain", "text/html"

REPORT_BODIES: dict[str, Any] = {JSON: Report, _TEXT: str, _HTML: str}
"""The first is for who asks for nothing in particular."""


def report_answer(request: Request, report: Report) -> Answer:
    """A report in the form that its reader likes best."""
    media = choose_media(field_of(request, "accept"), tuple(REPORT_BODIES))
    if media == _TEXT:
        return _written(TEXT, as_text(report))
    if media == _HTML:
        return _written(HTML, as_html(report))
    return json(report, {"Vary": "Accept"})


def _written(content_type: str, text: str) -> Answer:
    fields = {"Content-Type": content_type, "Cache-Control": NO_STORE, "Vary": "Accept"}
    return Answer(headers=fields, body=text.encode())
