"""Reads what a route needs from a request: fields of its head as text, its query as it stands, what it allows."""

from __future__ import annotations

from urllib.parse import quote, unquote

from attrs import evolve
from twisted.web.server import Request

from tiercache.policy.entry import Ask
from tiercache.policy.freshness import ask_from_headers
from tiercache.policy.hops import NONE_YET, Hops, hops_from_headers


def field_of(request: Request, name: str) -> str | None:
    """A field's value, its lines joined as the list that they are (RFC 9110 section 5.3), or None."""
    if not request.requestHeaders.hasHeader(name):  # as most that are asked for
        return None
    lines = request.requestHeaders.getRawHeaders(name.encode("ascii"))
    return None if lines is None else ", ".join(line.decode("latin-1") for line in lines)


def parameter_of(request: Request, name: str) -> str | None:
    """The first value of a parameter of the query, or None.

    A plus stands for itself, as in `?format=application/vnd.pypi.simple.v1+json` (PEP 691), and for no space.
    """
    for pair in request.uri.partition(b"?")[2].split(b"&"):
        stated, _, value = pair.decode("latin-1").partition("=")
        if unquote(stated) == name:
            return unquote(value, errors="replace")
    return None


def ask_of(request: Request, *, local: bool) -> Ask:
    """What the client allows (RFC 9111 section 5.2.1), and its hops; `local`: it asked below `/local/`."""
    ask = ask_from_headers(field_of(request, "cache-control"), field_of(request, "pragma"), local=local)
    hops = hops_of(request)
    return ask if hops is NONE_YET else evolve(ask, hops=hops)


def hops_of(request: Request) -> Hops:
    """Where the request has been before it came here."""
    return hops_from_headers(field_of(request, "via"), field_of(request, "cdn-loop"))


def with_query(location: str, request: Request) -> str:
    """A relative location with the request's own query behind it, if there is one."""
    _, mark, query = request.uri.partition(b"?")
    return location + (f"?{quote(query, safe='%/:;=&?@!$*+,()~')}" if mark else "")
