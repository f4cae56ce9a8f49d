"""Files in a folder of this machine, under their SHA-256.

    <root>/files/ab/abcd...      what is stored: complete, verified by the caller, synced before it had this name
    <root>/partial/<random>      what is being brought in
    <root>/quarantine/abcd...    what `fsck` found to be corrupt, for a person to look at
    <root>/hosted/...            the records beside what is hosted (`folder_records`)

POSIX only: a file that others read is renamed and removed under them.  The folder is the only state, so that the
command line may work on it while a node does.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO, Self

from attrs import define, field
from zope.interface import implementer

from tiercache.errors import FileAbsent, InvalidName, StoreFull, StoreUnusable
from tiercache.interfaces import IFiles, IPartial
from tiercache.storage.folder_records import FolderRecords
from tiercache.storage.folder_sync import names_in, sync, sync_folder
from tiercache.storage.identity import is_sha256
from tiercache.storage.root import made_root, meaning

COPIED_AT_ONCE_BYTES = 1024 * 1024

PIECES_AT_ONCE = 1024
"""So many one call may write (IOV_MAX), in three quarters of the time that a call for each takes."""

_NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_FILE_MODE = 0o644
_FOLDER_MODE = 0o755


@implementer(IFiles)
@define(kw_only=True, eq=False)
class FolderFiles:
    """`IFiles` below one folder; made by `at`.  Failures of the disk other than a full one are StoreUnusable."""

    _root: Path
    _files: Path
    _partials: Path
    _quarantine: Path
    records: FolderRecords

    @classmethod
    def at(cls, root: Path) -> Self:
        """The files below `root`, which is made if need be.  Raises StoreUnusable if it cannot be written to.

        A disk that is full is no obstacle: what is stored can be served from it.
        """
        made_root(root)
        here = cls(
            root=root,
            files=root / "files",
            partials=root / "partial",
            quarantine=root / "quarantine",
            records=FolderRecords(root=root),
        )
        with suppress(StoreFull):
            here.begin().discard()  # permissions are best asked of the system by trying
        return here

    def clean_up(self) -> int:
        """Remove what interrupted fills left, and return how many; for the start of a node that holds the lock.

        It looks at the partials only, so its cost does not grow with the store.
        """
        removed = 0
        try:
            for partial in list(self._partials.iterdir()):
                if not partial.is_dir():
                    partial.unlink(missing_ok=True)
                    removed += 1
        except FileNotFoundError:
            return removed
        except OSError as error:
            raise meaning(self._root, error) from error
        return removed

    def size(self, sha256: str) -> int | None:
        if not is_sha256(sha256):
            return None
        try:
            found = self._path(sha256).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise meaning(self._root, error) from error
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def open(self, sha256: str) -> BinaryIO:
        if not is_sha256(sha256):
            raise FileAbsent(filename=sha256)
        try:
            return self._path(sha256).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise FileAbsent(filename=sha256) from None
        except OSError as error:
            raise meaning(self._root, error) from error

    def path_of(self, sha256: str) -> str:
        """Where a file lies, if it is there."""
        return str(self._path(sha256).absolute())

    def begin(self) -> IPartial:
        path = self._partials / secrets.token_hex(16)
        try:
            try:
                descriptor = os.open(path, _NEW_FILE, _FILE_MODE)
            except FileNotFoundError:  # the first one
                self._partials.mkdir(mode=_FOLDER_MODE, exist_ok=True)
                descriptor = os.open(path, _NEW_FILE, _FILE_MODE)
        except OSError as error:
            raise meaning(self._root, error) from error
        return FolderPartial(root=self._root, files=self._files, path=path, content=FileIO(descriptor, "r+b"))

    def remove(self, sha256: str) -> None:
        if not is_sha256(sha256):
            return
        try:
            self._path(sha256).unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise meaning(self._root, error) from error

    def quarantine(self, sha256: str) -> None:
        if not is_sha256(sha256):
            return
        try:
            self._quarantine.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            self._path(sha256).replace(self._quarantine / sha256)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise meaning(self._root, error) from error

    def all(self) -> Iterator[tuple[str, int]]:
        for folder in sorted(names_in(self._files)):
            for sha256 in names_in(self._files / folder):
                if sha256[:2] == folder and (size_bytes := self.size(sha256)) is not None:
                    yield sha256, size_bytes

    def _path(self, sha256: str) -> Path:
        return self._files.joinpath(sha256[:2], sha256)


def _written(descriptor: int, pieces: Sequence[bytes], offset: int) -> int:
    """Write them there; where the next begins."""
    stop = offset + sum(map(len, pieces))
    offset += os.pwritev(descriptor, pieces, offset)
    if offset < stop:  # as on a file system that is about to be full, or for more than 2 GiB
        pending = memoryview(b"".join(pieces))[offset - stop :]
        while pending:
            written = os.pwrite(descriptor, pending, offset)
            pending, offset = pending[written:], offset + written
    return offset


@implementer(IPartial)
@define(kw_only=True, eq=False)
class FolderPartial:
    """A file that is being written, read through its own descriptor, so that its name may change meanwhile.

    The descriptor is closed by `discard`, or by the last call that still uses it then: a number freed under a
    reader could come to mean another file.
    """

    _root: Path
    _files: Path
    _path: Path
    _content: FileIO
    _length: int = field(default=0, init=False)
    _users: int = field(default=0, init=False)
    _committed: bool = field(default=False, init=False)
    _discarded: bool = field(default=False, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def write(self, *pieces: bytes) -> None:
        with self._in_use() as descriptor:
            if self._committed:
                raise ValueError("a committed file is immutable")
            offset = self._length
            try:
                for at in range(0, len(pieces), PIECES_AT_ONCE):
                    offset = _written(descriptor, pieces[at : at + PIECES_AT_ONCE], offset)
            except OSError as error:
                with suppress(OSError):  # what cannot be cut off now is cut off by the next write or the commit
                    os.ftruncate(descriptor, self._length)
                raise meaning(self._root, error) from error
            self._length = offset

    def copy(self, source: BinaryIO, size_bytes: int) -> int:
        copied = 0
        while copied < size_bytes and (moved := self._moved(source, size_bytes - copied)):
            copied += moved
        while copied < size_bytes and (data := source.read(min(COPIED_AT_ONCE_BYTES, size_bytes - copied))):
            self.write(data)
            copied += len(data)
        return copied

    def _moved(self, source: BinaryIO, size_bytes: int) -> int:
        """What the file system moved by itself (on some, without a copy); 0 where it cannot, or nothing is left."""
        if not hasattr(os, "copy_file_range"):
            return 0
        with self._in_use() as descriptor:
            if self._committed:
                raise ValueError("a committed file is immutable")
            try:
                moved = os.copy_file_range(source.fileno(), descriptor, size_bytes, source.tell(), self._length)
            except OSError as error:
                if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                    raise meaning(self._root, error) from error
                return 0  # reading and writing will tell which of the two has failed
            self._length += moved
        source.seek(moved, os.SEEK_CUR)
        return moved

    def read(self, start: int, size_bytes: int) -> bytes:
        with self._in_use() as descriptor:
            wanted = min(size_bytes, self._length - start)
            if wanted <= 0:
                return b""
            try:
                data = os.pread(descriptor, wanted, start)
            except OSError as error:
                raise meaning(self._root, error) from error
            if not data:  # b"" would tell the reader to wait for bytes that have been there
                raise StoreUnusable(path=str(self._root), reason=f"{self._path} was shortened by someone else")
            return data

    def lend(self) -> int | None:
        with self._lock:
            if self._discarded:
                return None
            self._users += 1
        return self._content.fileno()

    def take_back(self) -> None:
        with self._lock:
            self._users -= 1
            last = self._discarded and self._users == 0
        if last:
            self._content.close()

    def commit(self, sha256: str, *, lasting: bool = True) -> None:
        if not is_sha256(sha256):
            raise InvalidName(name=sha256)
        with self._in_use() as descriptor:
            try:
                self._give_name(descriptor, self._files.joinpath(sha256[:2], sha256), lasting)
            except OSError as error:
                raise meaning(self._root, error) from error
            self._committed = True

    def discard(self) -> None:
        with self._lock:
            if self._discarded:
                return
            self._discarded = True
            last = self._users == 0
        if not self._committed:
            with suppress(OSError):  # what cannot be removed goes with the next start
                self._path.unlink()
        if last:
            self._content.close()

    def _give_name(self, descriptor: int, path: Path, lasting: bool) -> None:
        found = os.fstat(descriptor).st_size
        if found < self._length:
            raise StoreUnusable(path=str(self._root), reason=f"{self._path} was shortened by someone else")
        if found > self._length:
            os.ftruncate(descriptor, self._length)
        if _length_of(path) == self._length:  # another length lost bytes in a power cut, and is replaced below
            self._path.unlink(missing_ok=True)
            changed: tuple[Path, ...] = (self._files, self._root, path.parent)  # by who may not have needed it to last
        else:
            sync(descriptor)
            changed = self._named(path)
        for folder in changed if lasting else ():
            sync_folder(folder)

    def _named(self, path: Path) -> tuple[Path, ...]:
        """Give it this name; the folders that have changed by that."""
        try:
            self._path.replace(path)
        except FileNotFoundError:  # the first file of its folder
            path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            self._path.replace(path)
            return (self._files, self._root, path.parent)
        return (path.parent,)

    @contextmanager
    def _in_use(self) -> Iterator[int]:
        with self._lock:
            if self._discarded:
                raise ValueError("the partial was discarded")
            self._users += 1
        try:
            yield self._content.fileno()
        finally:
            with self._lock:
                self._users -= 1
                last = self._discarded and self._users == 0
            if last:
                self._content.close()


def _length_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
