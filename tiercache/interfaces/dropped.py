"""What a node remembers of the files that were dropped into its folders, and how it hears that something is new."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Protocol

from attrs import frozen
from zope.interface import Interface

from tiercache.policy.dropped import Stamp
from tiercache.simple.model import ProjectName


@frozen(kw_only=True)
class DroppedFile:
    """A file in a folder, as it was when it was taken.

    `path`: absolute.  `is_ours`: it is hosted because it lies there, and no longer than that; else it was published in
    another way before.  `is_gone`: it lies there no more; its name stays taken.
    """

    path: str
    stamp: Stamp
    project: ProjectName
    filename: str
    sha256: str
    is_ours: bool
    is_gone: bool = False


class IDropped(Interface):
    """The dropped files that are known.  A write returns an awaitable that fires once it is durable, and raises
    StoreFull when there is no room."""

    def all() -> Iterable[DroppedFile]:
        """Every one, by path.  Blocking; called in the pool."""

    def store(file: DroppedFile) -> Awaitable[None]:
        """Store or replace what is known of a path."""

    def forget(path: str) -> Awaitable[None]:
        """Nothing is known of a path any more; harmless if nothing was."""


class IFolderWatch(Interface):
    """Hears from the system that something has changed in folders.  What, and whether at all, a look has to tell."""

    def follow(folders: Collection[str]) -> bool:
        """Watch these folders, and no others, themselves and not what is below them; whether all of them are watched.

        Cheap where nothing is new.
        """

    def stop() -> None:
        """Watch nothing any more."""


class Watch(Protocol):
    """Makes an `IFolderWatch` that calls `changed` whenever something may have changed."""

    def __call__(self, changed: Callable[[], None], /) -> IFolderWatch: ...
