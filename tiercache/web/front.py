"""What every request passes before it is routed: its line in the log, and the refusal of what no route should see.

It also undoes the one ambiguity that routing by decoded path would bring in: a slash that was encoded.
"""

# ruff: noqa: N802, N815  # the names of IResource

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from urllib.parse import unquote_to_bytes

from attrs import define
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from tiercache.interfaces import Pool
from tiercache.loading import uncollected
from tiercache.web.access_log import AccessLog
from tiercache.web.host import stated_host
from tiercache.web.hot.path import HotPath
from tiercache.web.request import hops_of
from tiercache.web.respond import Responder

NEEDED_FIRST = ("tiercache.web.app", "packaging.metadata")
"""What requests need that are the first of their kind: the application, and what reads core metadata."""


@implementer(IResource)
@define(kw_only=True, eq=False)
class Front:
    """The root resource: refuses, or hands on to what `application` makes.  `node_id` None refuses no loops.

    `hot`: what connections may answer of themselves, since the application would answer the same.
    """

    _application: Callable[[], IResource]
    _access_log: AccessLog
    _responder: Responder
    _node_id: str | None
    hot: HotPath | None = None
    isLeaf: bool = True

    @cached_property
    def application(self) -> IResource:
        """What is behind it, put together and loaded when it is first wanted: what is at hand does without."""
        return self._application()

    async def get_ready(self, pool: Pool) -> None:
        """Have the application there before the first request for it; meanwhile what is at hand is answered."""
        for module in NEEDED_FIRST:
            await pool(_load, module)
        self.application  # noqa: B018  # is put together by being looked at

    def render(self, request: Request) -> object:
        """See `IResource`."""
        self._access_log.follow(request)
        request.setHeader(b"Server", b"tiercache")
        refusal = _refusal(request) or self._loop(request)
        if refusal is None:
            return self.application.render(request)
        status, sentence = refusal
        self._responder.refuse(request, status, sentence)
        return NOT_DONE_YET

    def _loop(self, request: Request) -> tuple[int, str] | None:
        """Whether the request is here again, or too far from where it began (RFC 8586, RFC 5842 section 7.2)."""
        if self._node_id is None:
            return None
        loop = hops_of(request).loop_at(self._node_id)
        return None if loop is None else (508, loop.value)

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """See `IResource`; a leaf has no children."""
        raise LookupError(name)

    def putChild(self, path: bytes, child: IResource) -> None:
        """See `IResource`; a leaf has no children."""
        raise LookupError(path)


def _load(module: str) -> None:
    with uncollected():
        import_module(module)


def _refusal(request: Request) -> tuple[int, str] | None:
    _take_origin_form(request)
    if not request.path.startswith(b"/"):
        return (400, "The request's target is no path.")
    if request.requestHeaders.hasHeader(b"host") and stated_host(request) is None:
        return (400, "The Host field is no host.")  # RFC 9112 section 3.2
    if request.clientproto == b"HTTP/1.1" and not request.requestHeaders.hasHeader(b"host"):
        return (400, "There is no Host field.")
    if not _is_plain(request.path):
        return (404, "There is nothing here.")
    return None


def _take_origin_form(request: Request) -> None:
    """Absolute form (RFC 9112 section 3.2.2): the authority stands for Host, the rest is the path."""
    scheme, separator, rest = request.path.partition(b"://")
    if separator and scheme.lower() in (b"http", b"https"):
        authority, slash, path = rest.partition(b"/")
        request.requestHeaders.setRawHeaders(b"host", [authority])
        request.path = slash + path or b"/"
        request.postpath = [unquote_to_bytes(segment) for segment in request.path[1:].split(b"/")]


def _is_plain(path: bytes) -> bool:
    """Whether decoding leaves the segments as they are: all of them text, none empty, none that climbs."""
    decoded = unquote_to_bytes(path)
    if decoded.count(b"/") != path.count(b"/") or b"\\" in decoded or b"//" in path:
        return False
    try:
        characters = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return characters.isprintable() and not any(segment in (".", "..") for segment in characters.split("/"))
