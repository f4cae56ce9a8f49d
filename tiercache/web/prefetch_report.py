"""The answer that a report of a prefetch is."""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

from tiercache.web.answer import JSON, Answer, json
from tiercache.wire.prefetch import Report

REPORT_BODIES: dict[str, Any] = {JSON: Report}


def report_answer(request: Request, report: Report) -> Answer:
    """A report, as programs read it."""
    return json(report, {"Vary": "Accept"})
