"""The store in its folder, opened by a command, whether or not a node runs on it.

A command needs no reactor: here a catalogue writes on the spot, and what it returns is done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen
from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from tiercache.config import Config
from tiercache.errors import StoreUnusable
from tiercache.interfaces import ICatalogue, IFiles
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.threads import on_the_spot

T = TypeVar("T")


@frozen(kw_only=True)
class EmbeddedStore:
    """The two halves of a store in a folder."""

    path: Path
    files: IFiles
    catalogue: ICatalogue


@contextmanager
def opened_store(config: Config) -> Iterator[EmbeddedStore]:
    """The store of a configuration, for as long as the block runs.

    Raises StoreUnusable, also when there is no store yet (a command makes none) or it is in memory.
    """
    path = Path(config.store.path)
    if config.store.files == "memory" or config.store.catalogue == "memory":
        raise StoreUnusable(path="(memory)", reason="it is in the memory of the node")
    database = path / "catalogue.sqlite"
    if not database.exists():
        raise StoreUnusable(path=str(path), reason="no node has been started on it yet")
    catalogue = SqlCatalogue.open(database, writer=on_the_spot)
    try:
        yield EmbeddedStore(path=path, files=FolderFiles.at(path), catalogue=catalogue)
    finally:
        done(catalogue.close())


def done(awaitable: Awaitable[T]) -> T:
    """What an awaitable gives that waits for nothing, or the error it raises."""

    async def finished() -> T:
        return await awaitable

    outcome: list[Any] = []
    ensureDeferred(finished()).addBoth(outcome.append)
    if isinstance(outcome[0], Failure):
        outcome[0].raiseException()
    result: T = outcome[0]
    return result
