# mypy: disable-error-code="no-untyped-call"
# twisted.internet.inotify has no types.
"""Hears from Linux that something has changed in folders (inotify).

Folders are watched one by one, as who looks into them finds them: twisted's own way of watching whole trees ends with
the first folder in one that is removed.  What is missed, or comes from another machine, a look into the folder shows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any

from attrs import define, field
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.filepath import FilePath
from zope.interface import implementer

from tiercache.interfaces import IFolderWatch

log = Logger()


@implementer(IFolderWatch)
@define(eq=False)
class FolderWatch:
    """`changed` is called in the reactor's thread, for each thing that changes."""

    _reactor: Any
    _changed: Callable[[], None]
    _notifier: Any = field(default=None, init=False)
    _watched: frozenset[str] = field(default=frozenset(), init=False)
    _is_refused: bool = field(default=False, init=False)
    _is_stale: bool = field(default=False, init=False)

    def follow(self, folders: Collection[str]) -> bool:
        wanted = frozenset(folders)
        if self._is_stale or not self._watched <= wanted:
            self.stop()  # and begin anew: twisted's way to leave one folder out trips over one that is gone
        if self._notifier is not None and self._watched == wanted:
            return True
        if self._is_refused or not sys.platform.startswith("linux"):
            return False
        try:
            self._begin(wanted)
        except Exception as error:  # noqa: BLE001  # INotifyError is made with no words; OSError where there are no more
            self._is_refused = True
            self.stop()
            log.warn(
                "{count} folders cannot be watched ({error}); they are looked into every half second instead",
                count=len(wanted),
                error=str(error) or type(error).__name__,
            )
            return False
        return True

    def stop(self) -> None:
        notifier, self._notifier = self._notifier, None
        self._watched, self._is_stale = frozenset(), False
        if notifier is not None:
            notifier.stopReading()
            notifier.connectionLost(Failure(ConnectionAbortedError("nobody listens any more")))

    def _begin(self, wanted: frozenset[str]) -> None:
        from twisted.internet import inotify  # it cannot be imported elsewhere than on Linux

        class Notifier(inotify.INotify):
            """Twisted's ends by itself when a watched folder is removed."""

            def connectionLost(notifier, reason: Failure) -> None:  # noqa: N802, N805  # twisted's name; not this self
                super().connectionLost(reason)
                notifier._fd = -1
                if self._notifier is notifier:
                    self._notifier = None
                    self._changed()

        if self._notifier is None:
            self._notifier = Notifier(self._reactor)
            self._notifier.startReading()
            self._watched, self._is_stale = frozenset(), False
        # By its name another folder may be there from now on than the one that is watched.
        other = inotify.IN_DELETE_SELF | inotify.IN_MOVE_SELF | inotify.IN_UNMOUNT | inotify.IN_IGNORED

        def heard(_watch: object, _path: object, what: int) -> None:
            self._is_stale = self._is_stale or bool(what & other)
            self._changed()

        mask = (
            inotify.IN_CLOSE_WRITE
            | inotify.IN_CREATE
            | inotify.IN_DELETE
            | inotify.IN_MOVED_FROM
            | inotify.IN_MOVED_TO
            | inotify.IN_ATTRIB
            | inotify.IN_MOVE_SELF
            | inotify.IN_UNMOUNT
        )
        for folder in wanted - self._watched:
            self._notifier.watch(FilePath(folder), mask=mask, callbacks=[heard])
        self._watched = wanted
        self._changed()  # before it was watched something may have come that no look has shown
