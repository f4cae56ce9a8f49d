"""In front of the site where the node's own programs read it: who shows a warrant passes, to pages and files alone.

The port is open to every program of the machine while one of the node's reads there.
"""

# ruff: noqa: N802, N815  # the names of IResource

from __future__ import annotations

from attrs import define
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request
from zope.interface import implementer

from tiercache.access.credentials import credentials_of
from tiercache.access.warrants import Warrants
from tiercache.cache.share import Share
from tiercache.prefetch.turns import Turns
from tiercache.web.request import field_of
from tiercache.web.sdists import ROOT

READ = (b"/simple/", b"/local/", b"/files/")


@implementer(IResource)
@define(kw_only=True, eq=False)
class Warranted:
    """The root resource there; behind it are that of the site, `root`, and `sdists`, for resolvers alone."""

    _root: IResource
    _sdists: IResource
    _warrants: Warrants
    _turns: Turns | Share
    isLeaf: bool = True

    def render(self, request: Request) -> object:
        """See `IResource`."""
        if self._warrants.holder(credentials_of(field_of(request, "authorization"))) is None:
            request.setResponseCode(401)
            request.setHeader(b"WWW-Authenticate", b'Basic realm="tiercache"')
            return b""
        behind = self._behind(request)
        if behind is None:
            request.setResponseCode(404)
            return b""
        ensureDeferred(self._in_turn(behind, request))
        return NOT_DONE_YET

    def _behind(self, request: Request) -> IResource | None:
        if request.method in (b"GET", b"HEAD"):
            if request.path.startswith(READ):
                return self._root
            if request.path.startswith(ROOT.encode()):
                return self._sdists
        return None

    async def _in_turn(self, behind: IResource, request: Request) -> None:
        """Answer in its turn: a resolver asks for fifty pages at once, and no client is to wait for all of them."""
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        await self._turns.next()
        if not gone:
            request.render(behind)

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """See `IResource`; a leaf has no children."""
        raise LookupError(name)

    def putChild(self, path: bytes, child: IResource) -> None:
        """See `IResource`; a leaf has no children."""
        raise LookupError(path)
