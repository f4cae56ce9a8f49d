"""A folder that files are dropped into: a look into it, and a file of it brought in.  Blocking; called in the pool.

Nothing in a folder is ever changed, and nothing outside of it is ever read, whatever links lie in it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

from attrs import define, field, frozen

from tiercache.interfaces import IFiles
from tiercache.policy.dropped import Look, Stamp
from tiercache.publish.arrival import Arrival

DEEPEST = 8
"""How many folders below the one that is configured are looked into: `packages/source/m/mypackage` are four."""

MOST_FILES = 1_000_000

_REMOTE = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "gluster", "lustre", "virtiofs", "vboxsf", "drvfs", "fuse")
"""How the names of file systems begin that other machines may change, of which this one's inotify tells nothing."""

_MOUNTS = Path("/proc/self/mountinfo")


@frozen(kw_only=True, slots=False)
class Moving(Exception):
    """A file is not what it was a moment ago: somebody still writes it."""


@frozen(kw_only=True, slots=False)
class OutOfFolder(Exception):
    """A link leads out of the folder that it lies in, or to what is no file."""


def look(folder: str, others: Collection[str], store: str | None) -> Look:
    """A look into a folder and those below it, without `others`, which are looked into by themselves.

    The folder of the node's own `store` is none to look into, by whatever name.
    """
    if store is not None and _overlap(folder, store):
        return Look(identity="", odd={folder: "it is the node's own store, or has it within"})
    try:
        found = Path(folder).stat()
        listed = os.scandir(folder)
    except OSError:
        return Look(identity="")
    listed.close()
    if not stat.S_ISDIR(found.st_mode):
        return Look(identity="")
    looking = _Looking(others=frozenset(others))
    looking.into(folder, DEEPEST)
    return Look(
        identity=f"{found.st_dev}:{found.st_ino}",
        files=looking.files,
        unread=tuple(looking.unread),
        folders=tuple(looking.folders),
        odd=looking.odd,
        is_remote=_is_remote(found.st_dev),
    )


@define(kw_only=True)
class _Looking:
    others: frozenset[str]
    files: dict[str, Stamp] = field(factory=dict)
    unread: list[str] = field(factory=list)
    folders: list[str] = field(factory=list)
    odd: dict[str, str] = field(factory=dict)

    def into(self, folder: str, depth: int) -> None:
        try:
            with os.scandir(folder) as entries:
                self.folders.append(folder)
                inner = [entry.path for entry in entries if self._is_folder(entry)]
        except OSError as error:
            self.unread.append(folder)
            self.odd[folder] = f"the folder cannot be read ({error.strerror})"
            return
        for path in inner:
            if path in self.others:
                continue
            if depth:
                self.into(path, depth - 1)
            else:
                self.odd[path] = f"it lies more than {DEEPEST} folders deep"

    def _is_folder(self, entry: os.DirEntry[str]) -> bool:
        """Whether this is a folder to look into; a file is noted.  What begins with a dot is nobody's yet."""
        if entry.name.startswith("."):
            return False
        if not _is_text(entry.path):
            self.odd[ascii(entry.path)] = "its name is no text in UTF-8"
            return False
        try:
            if entry.is_dir(follow_symlinks=False):
                return True
            found = entry.stat()
        except OSError as error:
            # Of what is there and cannot be read, nothing is known; a link that leads nowhere is no file.
            if not isinstance(error, FileNotFoundError):
                self.unread.append(entry.path)
            self.odd[entry.path] = f"it cannot be read ({error.strerror})"
            return False
        if stat.S_ISREG(found.st_mode) and len(self.files) < MOST_FILES:
            self.files[entry.path] = _stamp(found)
        elif stat.S_ISREG(found.st_mode):
            self.unread.append(entry.path)
            self.odd[entry.path] = f"there are more than {MOST_FILES} files"
        elif stat.S_ISDIR(found.st_mode):
            self.odd[entry.path] = "it is a link to a folder"
        else:
            self.odd[entry.path] = "it is no file"
        return False


def bring_in(path: str, folder: str, stamp: Stamp, files: IFiles, limit_bytes: int) -> Arrival:
    """A copy of a file as it was when it had this stamp.

    Raises Moving if it has another, or gets one meanwhile; OutOfFolder; OSError, UploadTooLarge, StoreFull.
    """
    # What has become a pipe meanwhile is not waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as source:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or not _lies_in(path, descriptor, folder):
            raise OutOfFolder
        if _stamp(found) != stamp:
            raise Moving
        arrival = Arrival.of(source, files, limit_bytes)
        if _stamp(os.fstat(descriptor)) != stamp or arrival.size_bytes != stamp.size_bytes:
            arrival.discard()
            raise Moving
        return arrival


def _lies_in(path: str, descriptor: int, folder: str) -> bool:
    """Whether an open file lies in a folder, by its real name: what was opened is asked, where the system can tell."""
    opened = f"/proc/self/fd/{descriptor}"
    real = os.path.realpath(opened) if Path(opened).exists() else os.path.realpath(path)
    return Path(real).is_relative_to(os.path.realpath(folder))


def _overlap(folder: str, store: str) -> bool:
    one, other = Path(os.path.realpath(folder)), Path(os.path.realpath(store))
    return one.is_relative_to(other) or other.is_relative_to(one)


def _stamp(found: os.stat_result) -> Stamp:
    return Stamp(size_bytes=found.st_size, mtime_ns=found.st_mtime_ns, inode=found.st_ino)


def _is_remote(device: int) -> bool:
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    kinds = [line.partition(" - ")[2].split(" ")[0] for line in lines if line.split(" ")[2:3] == [number]]
    return any(kind.startswith(_REMOTE) for kind in kinds)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
