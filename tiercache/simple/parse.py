"""A project page from a response's body: which syntax it is in is told by its Content-Type alone."""

from __future__ import annotations

from tiercache.errors import PageUnusable
from tiercache.simple.model import ProjectName
from tiercache.simple.parse_json import parse_json
from tiercache.simple.parsed import Parsed

__all__ = ["Parsed", "parse_page"]

_JSON = frozenset(
    {
        "application/vnd.pypi.simple.v1+json",
        "application/vnd.pypi.simple.latest+json",
        "application/json",  # what a plain file server says of a page that somebody saved
    }
)
_HTML = frozenset(
    {
        "application/vnd.pypi.simple.v1+html",
        "application/vnd.pypi.simple.latest+html",
        "text/html",
        "application/xhtml+xml",
    }
)


def parse_page(data: bytes, content_type: str, url: str, project: ProjectName) -> Parsed:
    """Read a project page by its Content-Type; `url` is where it was found in the end, after redirects.

    Raises PageUnusable, also for a Content-Type that is missing or of no project page.
    """
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type in _JSON:
        return parse_json(data, url=url, project=project)
    if media_type in _HTML:
        from tiercache.simple.parse_html import parse_html  # most tiers speak JSON, and a node starts sooner without

        return parse_html(data, url=url, project=project, content_charset=_charset(parameters))
    raise PageUnusable(reason=f"its Content-Type {content_type[:100]!r} is that of no project page")


def _charset(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or None
    return None
