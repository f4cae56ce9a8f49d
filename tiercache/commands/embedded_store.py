"""The store in its folder, opened by a command, whether or not a node runs on it.

A command needs no reactor: here a catalogue writes on the spot, and what it returns is done.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import ExitStack, contextmanager
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
from tiercache.storage.lock import StoreLock
from tiercache.storage.threads import on_the_spot

T = TypeVar("T")


@frozen(kw_only=True)
class EmbeddedStore:
    """The two halves of a store in a folder."""

    path: Path
    files: IFiles
    catalogue: ICatalogue


@contextmanager
def opened_store(config: Config, *, is_to_be_rebuilt: bool = False) -> Iterator[EmbeddedStore]:
    """The store of a configuration, for as long as the block runs.

    `is_to_be_rebuilt`: no node runs on it meanwhile, and it may have lost its catalogue, which begins anew.
    Raises StoreUnusable, also when there is no store yet (a command makes none) or it is in memory; StoreInUse.
    """
    path = Path(config.store.path)
    if config.store.files == "memory" or config.store.catalogue == "memory":
        raise StoreUnusable(path="(memory)", reason="it is in the memory of the node")
    database = path / "catalogue.sqlite"
    if not database.exists() and not (is_to_be_rebuilt and (path / "hosted").exists()):
        raise StoreUnusable(path=str(path), reason="no node has been started on it yet")
    with ExitStack() as undone:
        if is_to_be_rebuilt:
            lock = StoreLock(path)
            lock.acquire()
            undone.callback(lock.release)
        catalogue = SqlCatalogue.open(database, writer=on_the_spot)
        undone.callback(lambda: done(catalogue.close()))
        yield EmbeddedStore(path=path, files=FolderFiles.at(path), catalogue=catalogue)


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
