"""The locks on a store: the one that keeps a second node off, and the one that is held while a store is opened.

They are the kernel's, so they end with the process however that ends.  The command line takes only the second: it may
work on the store of a running node.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import define, field

from tiercache.errors import StoreInUse, StoreUnusable
from tiercache.storage.root import made_root, meaning

try:
    import fcntl
except ImportError:  # Windows: an embedded store needs POSIX files anyway (see `folder`)
    fcntl = None  # type: ignore[assignment]  # a module where there is one


@define(eq=False)
class StoreLock:
    """The right to be the node of the store at `root`: its file `lock`, with the holder's process id in it for people.

    Take it after a daemon has forked: the id written is that of the process that acquires it.
    """

    root: Path
    _descriptor: int | None = field(default=None, init=False)

    def acquire(self) -> None:
        """Take the lock, once.  Raises StoreInUse, or StoreUnusable where the file system has no locks."""
        if self._descriptor is not None:
            return
        if fcntl is None:
            raise StoreUnusable(path=str(self.root), reason="a store in a folder needs a POSIX system")
        made_root(self.root)
        try:
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise meaning(self.root, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            pid = _pid_in(descriptor)
            os.close(descriptor)
            raise StoreInUse(path=str(self.root), pid=pid) from None
        except OSError as error:
            os.close(descriptor)
            raise meaning(self.root, error) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock up; harmless if it is not held."""
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # at once, even if a child is just being started
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is within this for the same folder, and keep others waiting.

    For what takes a moment.  Raises StoreUnusable if there is no such folder.
    """
    if fcntl is None:
        yield
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise meaning(folder, error) from error
    try:
        _wait_for(folder, descriptor)
        yield
    finally:
        os.close(descriptor)


def _wait_for(folder: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:  # a file system without locks
        raise meaning(folder, error) from error


def _pid_in(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
