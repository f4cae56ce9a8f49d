"""Errors in the forms that the clients of some paths take apart.  Which path has which is in `errors`."""

from __future__ import annotations

from collections.abc import Mapping

from tiercache.web.answer import Answer, json

TRUSTED_PUBLISHING = "/_/oidc/"
"""Where identity tokens are exchanged, as the public index has it."""

_CODES = {500: "failed", 503: "unavailable", 507: "unavailable"}


def refused_token(status: int, sentence: str, headers: Mapping[str, str] | None = None, code: str = "") -> Answer:
    """Any error below `TRUSTED_PUBLISHING`."""
    errors = [{"code": code or _CODES.get(status, "invalid-request"), "description": sentence}]
    return json({"message": "Token request failed", "errors": errors}, headers, status)


def refused_requirements(status: int, sentence: str, headers: Mapping[str, str] | None = None) -> Answer:
    """An error as pypicache words it."""
    return json({"error": True, "message": sentence}, headers, status)
