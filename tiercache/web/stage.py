"""Routes that are put together when the first request needs one of them, while others are answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET, Request

from tiercache.interfaces import Pool
from tiercache.web.route import Route


@define(kw_only=True, eq=False)
class Stage:
    """To load a hundred modules takes half a second, in which others are to be answered: so all is done in the pool,
    but for `routes`, which is called once `load` has ended."""

    _load: Callable[[], Awaitable[object]]
    _routes: Callable[[], Sequence[Route]]
    _mounted: Callable[[Sequence[Route]], IResource]
    _pool: Pool
    _resource: IResource | None = field(default=None, init=False)
    _waiting: list[Request] = field(factory=list, init=False)
    _is_being_made: bool = field(default=False, init=False)

    @property
    def resource(self) -> IResource:
        """All of them, put together at once if they were not before."""
        if self._resource is None:
            self._resource = self._mounted(self._routes())
        return self._resource

    def render(self, request: Request) -> object:
        """As `IResource.render`; a request that comes before they are there waits for them."""
        if self._resource is not None:
            return self._resource.render(request)
        self._waiting.append(request)
        request.notifyFinish().addErrback(lambda _: self._has_left(request))
        if not self._is_being_made:
            self._is_being_made = True
            Deferred.fromCoroutine(self._put_together()).addErrback(self._fail)
        return NOT_DONE_YET

    async def _put_together(self) -> None:
        await self._load()
        made = await self._pool(self._mounted, self._routes())
        self._resource = self._resource or made
        for request in self._no_more_waiting():
            request.render(self._resource)

    def _fail(self, failure: Failure) -> None:
        for request in self._no_more_waiting():
            request.processingFailed(failure)  # which logs it

    def _no_more_waiting(self) -> list[Request]:
        waiting, self._waiting, self._is_being_made = self._waiting, [], False
        return waiting

    def _has_left(self, request: Request) -> None:
        if request in self._waiting:
            self._waiting.remove(request)
