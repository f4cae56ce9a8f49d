"""The core metadata inside a wheel, read from as few of its bytes as will do.

A wheel is a zip archive: its directory stands at its end and says where `METADATA` is (PEP 427).  What bytes are
missing is found out by letting `zipfile` read a file that has holes.  Where bytes come from is the caller's affair.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import BinaryIO

from attrs import define, field

from tiercache.errors import InvalidName, SidecarUnavailable
from tiercache.simple.model import ProjectName
from tiercache.simple.names import normalise

METADATA_BYTES = 4 * 1024 * 1024
"""No METADATA is read that is longer, whatever the archive says (protection from zip bombs)."""

DIRECTORY_BYTES = 8 * 1024 * 1024
"""Nor is anything longer read from an archive at once.  `zipfile` reads a directory so, and makes of each 46 bytes an
object of several hundred: this bounds them all, before there are any."""

COMPRESSIONS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""How a member may be packed.  Others take as much memory as the archive says (LZMA), and installers meet them
nowhere."""


UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""All that `zipfile` raises for an archive that it cannot read."""


class BytesMissing(Exception):
    """`size_bytes` bytes from `start` on are needed, and are not there."""

    def __init__(self, start: int, size_bytes: int) -> None:
        super().__init__(start, size_bytes)
        self.start = start
        self.size_bytes = size_bytes


@define(kw_only=True)
class SparseFile:
    """A file of which some stretches are there; reading anything else raises BytesMissing."""

    size_bytes: int
    _stretches: list[tuple[int, bytes]] = field(factory=list, init=False)
    _position: int = field(default=0, init=False)

    def add(self, start: int, data: bytes) -> None:
        """These bytes are there now."""
        self._stretches.append((start, data))

    def seekable(self) -> bool:
        """As files say it."""
        return True

    def tell(self) -> int:
        """As files say it."""
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As files do it; OSError before the beginning."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size_bytes}[whence]
        if origin + offset < 0:
            raise OSError("a position before the beginning")
        self._position = origin + offset
        return self._position

    def read(self, size_bytes: int = -1, /) -> bytes:
        """As files do it, or BytesMissing."""
        end = self.size_bytes if size_bytes < 0 else min(self._position + size_bytes, self.size_bytes)
        wanted = max(0, end - self._position)
        if not wanted:
            return b""
        for start, data in self._stretches:
            if start <= self._position and end <= start + len(data):
                offset = self._position - start
                self._position = end
                return data[offset : offset + wanted]
        raise BytesMissing(self._position, wanted)


@define(kw_only=True)
class BoundedArchive:
    """An archive of which no stretch longer than `DIRECTORY_BYTES` is read; ValueError if one is wanted."""

    _archive: BinaryIO | SparseFile

    def seekable(self) -> bool:
        """As files say it."""
        return self._archive.seekable()

    def tell(self) -> int:
        """As files say it."""
        return self._archive.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """As files do it."""
        return self._archive.seek(offset, whence)

    def read(self, size_bytes: int = -1, /) -> bytes:
        """As files do it, or ValueError."""
        if size_bytes > DIRECTORY_BYTES:
            raise ValueError("its directory is too long")
        return self._archive.read(size_bytes)


def metadata_in(archive: BinaryIO | SparseFile, filename: str, project: ProjectName) -> bytes:
    """The bytes of METADATA in the wheel `filename` of `project`, exactly as they stand there.

    Raises SidecarUnavailable when there is none to be had from it; BytesMissing from a SparseFile.
    """
    try:
        with zipfile.ZipFile(BoundedArchive(archive=archive)) as members:
            member = _metadata_member(members, filename, project)
            if member.compress_type not in COMPRESSIONS:
                raise SidecarUnavailable(filename=filename, reason="its METADATA is packed as no wheel's is")
            if member.file_size > METADATA_BYTES:
                raise SidecarUnavailable(filename=filename, reason="its METADATA is too long")
            with members.open(member) as stream:
                data = stream.read(METADATA_BYTES + 1)
    except UNREADABLE as error:
        raise SidecarUnavailable(filename=filename, reason=f"the archive cannot be read: {error}") from error
    if len(data) != member.file_size:
        raise SidecarUnavailable(filename=filename, reason="the archive lies about its METADATA's length")
    return data


def _metadata_member(members: zipfile.ZipFile, filename: str, project: ProjectName) -> zipfile.ZipInfo:
    """The METADATA of the project's own `.dist-info` folder, which is at the top of the archive."""
    found = [info for info in members.filelist if _is_metadata_of(info.filename, project)]
    if len(found) != 1:
        reason = "it has no METADATA of its own" if not found else "it has more than one METADATA"
        raise SidecarUnavailable(filename=filename, reason=reason)
    return found[0]


def _is_metadata_of(path: str, project: ProjectName) -> bool:
    folder, _, rest = path.partition("/")
    if rest != "METADATA" or not folder.endswith(".dist-info"):
        return False
    try:
        return normalise(folder.removesuffix(".dist-info").partition("-")[0]) == project
    except InvalidName:
        return False
