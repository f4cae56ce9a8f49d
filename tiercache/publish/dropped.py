"""Dropped files: the folders whose files are hosted as they lie there, looked into when something has changed, and now
and then in case nobody said so.

What becomes of the files of one folder is in `dropping`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Any, Self

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from zope.interface import implementer

from tiercache.interfaces import ICatalogue, IDropped, IFolderWatch, Pool, Watch
from tiercache.publish.dropping import RETRY_S, DropFolder
from tiercache.publish.known_drops import KnownDrops

log = Logger()

GATHER_S = 0.05
"""How long after the first word of a change the folder is looked into: there are more to come."""

LOOK_S = 30.0
"""How often a folder is looked into of which the system tells."""

BLIND_LOOK_S = 0.5
"""How often one of which it does not: on another machine, or not there."""

REST = 10.0
"""By how much longer than a look took nobody looks again."""


@define(kw_only=True, eq=False)
class DroppedFiles:
    """Every folder of a node."""

    _folders: Sequence[DropFolder]
    _known: KnownDrops
    _index: IDropped
    _watch: Watch
    _pool: Pool
    _clock: IReactorTime
    _loops: list[_Loop] = field(factory=list, init=False)
    _running: list[Deferred[None]] = field(factory=list, init=False)

    @classmethod
    def of(
        cls,
        configured: Sequence[str],
        *,
        catalogue: ICatalogue,
        watch: Watch,
        pool: Pool,
        clock: IReactorTime,
        **more: Any,
    ) -> Self:
        """Those of the folders that are configured; `more` as `DropFolder` has it."""
        known = KnownDrops(index=catalogue.dropped)
        paths = [posixpath.normpath(folder) for folder in configured]
        folders = [
            DropFolder(
                folder=path,
                others=tuple(other for other in paths if other.startswith(path.rstrip("/") + "/")),
                known=known,
                catalogue=catalogue,
                pool=pool,
                now=clock.seconds,
                **more,
            )
            for path in paths
        ]
        return cls(folders=folders, known=known, index=catalogue.dropped, watch=watch, pool=pool, clock=clock)

    def start(self) -> None:
        """Begin to look into the folders."""
        self._loops = [_Loop(folder=folder, watch=self._watch, clock=self._clock) for folder in self._folders]
        if self._loops:
            running = Deferred.fromCoroutine(self._run())
            running.addErrback(lambda failure: log.failure("no folder is looked into any more", failure=failure))
            self._running = [running]

    async def stop(self) -> None:
        """Look no more; what is being taken is taken to its end."""
        for loop in self._loops:
            loop.stop()
        running, self._running = self._running, []
        for one in running:
            await one

    async def _run(self) -> None:
        self._known.load(await self._pool(self._index.all))
        await gatherResults([Deferred.fromCoroutine(loop.run()) for loop in self._loops], consumeErrors=True)


@define(kw_only=True, eq=False)
class _Loop:
    """When to look into one folder: a folder that hangs (a disk of another machine) holds up no other."""

    folder: DropFolder
    watch: Watch
    clock: IReactorTime
    _watching: IFolderWatch = field(init=False)
    _resting: Deferred[None] = field(factory=Deferred, init=False)
    _alarm: IDelayedCall | None = field(default=None, init=False)
    _is_told: bool = field(default=False, init=False)

    def __attrs_post_init__(self) -> None:
        self._watching = self.watch(self.changed)

    async def run(self) -> None:
        while not self.folder.is_stopped:
            self._is_told = False
            try:
                found = await self.folder.round()
                is_watched = bool(found.folders) and self._watching.follow(found.folders) and not found.is_remote
                rest_s = LOOK_S if is_watched else BLIND_LOOK_S
            except Exception:  # noqa: BLE001  # whatever it was, the folder is looked into again
                log.failure("{folder} could not be looked into", folder=self.folder.folder)
                rest_s = RETRY_S
            else:
                due_s = self.folder.due_in_s()
                rest_s = rest_s if due_s is None else min(rest_s, due_s)
            await self._rest(max(rest_s, self.folder.look_s * REST, 0.01))
        self._watching.stop()

    def changed(self) -> None:
        """Something may have changed: look soon."""
        self._is_told = True
        if self._alarm is not None and self._alarm.active() and self._alarm.getTime() - self.clock.seconds() > GATHER_S:
            self._alarm.reset(GATHER_S)

    def stop(self) -> None:
        """Look no more."""
        self.folder.is_stopped = True
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
            self._resting.callback(None)

    async def _rest(self, seconds: float) -> None:
        if self.folder.is_stopped:
            return
        resting: Deferred[None] = Deferred()
        self._resting = resting
        self._alarm = self.clock.callLater(min(seconds, GATHER_S) if self._is_told else seconds, resting.callback, None)
        await resting


@implementer(IFolderWatch)
class NoWatch:
    """What is told of changes where nothing tells of them."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """Nobody ever calls that."""

    def follow(self, folders: Any) -> bool:
        """See `IFolderWatch`."""
        return False

    def stop(self) -> None:
        """See `IFolderWatch`."""
