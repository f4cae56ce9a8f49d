"""Tells read-ahead who asks: by where they ask from and what they say of themselves, and what they may read."""

from __future__ import annotations

from attrs import define
from twisted.web.server import Request

from tiercache.cache.body import OpenFile
from tiercache.cache.pages import ShownPage
from tiercache.cache.sidecars import ShownAttachment
from tiercache.policy.entry import Ask
from tiercache.prefetch.read_ahead import ReadAhead
from tiercache.prefetch.walk import Client
from tiercache.simple.model import FileIdentity, ProjectName
from tiercache.web.client import Clients
from tiercache.web.request import field_of
from tiercache.web.visitor import readable


@define(kw_only=True)
class Ahead:
    """Pages, sidecars and files by way of read-ahead."""

    _read_ahead: ReadAhead
    _clients: Clients

    async def page(self, request: Request, project: ProjectName, ask: Ask) -> ShownPage:
        """As `Pages.shown`."""
        return await self._read_ahead.page(self._client(request), project, ask)

    async def sidecar(self, request: Request, identity: FileIdentity, filename: str, ask: Ask) -> ShownAttachment:
        """As `Sidecars.sidecar`."""
        return await self._read_ahead.sidecar(self._client(request), identity, filename, ask)

    async def file(self, request: Request, identity: FileIdentity | None, filename: str, ask: Ask) -> OpenFile:
        """As `Files.open`."""
        return await self._read_ahead.file(self._client(request), identity, filename, ask)

    def _client(self, request: Request) -> Client:
        return Client(
            address=str(self._clients.address(request)),
            user_agent=field_of(request, "user-agent") or "",
            may_read=readable(request).__contains__,
        )
