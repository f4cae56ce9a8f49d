"""Tar archives packed with gzip, read once from end to end.

`tarfile` reads the headers; what it is given to read is a stream that never goes back, that ends where too much came
out of it, and that gives it no header longer than a real one.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from attrs import define, field

from tiercache.publish.inflating import GZIP, inflated, pieces
from tiercache.publish.members import Members, UnfitArchive
from tiercache.publish.wording import shown

HEADER_BYTES = 256 * 1024
"""How long the extended header of a member may be; those of real archives hold a path and some times."""

HEADERS_BYTES = 16 * 1024 * 1024
"""How long all extended headers of an archive may be together, but for those of a single block."""

MAX_ATTRIBUTES = 200
"""How many attributes extended headers may give one member, or all."""

UNREADABLE = (tarfile.TarError, EOFError, RecursionError, ValueError, OSError, IndexError, KeyError, OverflowError)
"""All that `tarfile` raises for an archive that it cannot read."""

_SIZE = slice(124, 136)  # in a header
_OF_ONE_MEMBER = frozenset({"path", "linkpath", "size"})
_PLAIN_KINDS = frozenset({tarfile.REGTYPE, tarfile.AREGTYPE})


@define(kw_only=True)
class _Forward:
    """The unpacked stream, as a file that is read forwards only, save for the byte that was read last."""

    _stream: Iterator[bytes]
    _members: Members
    _piece: memoryview = field(factory=lambda: memoryview(b""), init=False)
    _at: int = field(default=0, init=False)
    _last: bytes = field(default=b"", init=False)
    _is_back: bool = field(default=False, init=False)
    _headers_bytes: int = field(default=0, init=False)
    last_read: bytes = field(default=b"", init=False)

    def tell(self) -> int:
        return self._at - self._is_back

    def seek(self, position: int, whence: int = 0, /) -> int:
        if position == self._at - 1 and self._last:
            self._is_back = True
        elif position < self.tell():
            raise UnfitArchive("it has a member of less than no bytes")
        else:
            self.skip(position - self.tell())
        return position

    def read(self, size_bytes: int, /) -> bytes:
        """As `tarfile` reads headers; fewer bytes at the end."""
        if size_bytes > tarfile.BLOCKSIZE:
            self._headers_bytes += size_bytes
            if size_bytes > HEADER_BYTES or self._headers_bytes > HEADERS_BYTES:
                raise UnfitArchive(f"it has extended headers of more than {HEADER_BYTES} bytes")
        self.last_read = b"".join(self._taken(size_bytes))
        return self.last_read

    def contents(self, size_bytes: int) -> bytes:
        """The next bytes, whatever they are; UnfitArchive if there are fewer."""
        data = b"".join(self._taken(size_bytes))
        if len(data) != size_bytes:
            raise UnfitArchive("it is cut off")
        return data

    def skip(self, size_bytes: int) -> None:
        """Pass over so many bytes; UnfitArchive if there are fewer."""
        if sum(len(data) for data in self._taken(size_bytes)) != size_bytes:
            raise UnfitArchive("it is cut off")

    def rest(self) -> Iterator[bytes]:
        """All that is left."""
        while self._piece or self._fill():
            yield bytes(self._piece)
            self._piece = memoryview(b"")

    def _taken(self, size_bytes: int) -> Iterator[memoryview]:
        if self._is_back and size_bytes:
            self._is_back = False
            size_bytes -= 1
            yield memoryview(self._last)
        while size_bytes > 0 and (self._piece or self._fill()):
            taken, self._piece = self._piece[:size_bytes], self._piece[size_bytes:]
            size_bytes -= len(taken)
            self._at += len(taken)
            self._last = bytes(taken[-1:])
            yield taken

    def _fill(self) -> bool:
        for piece in self._stream:
            if piece:
                self._members.count_bytes(len(piece))
                self._piece = memoryview(piece)
                return True
        return False


def read_tar_gz(archive: BinaryIO, members: Members, wanted: str, wanted_bytes: int) -> bytes | None:
    """Read a .tar.gz from end to end, and note its members; the file in its top folder that is named `wanted`.

    Blocking.  Raises UnfitArchive, also for a wanted file of more than `wanted_bytes`, or a second; whatever is in
    `UNREADABLE` for what is no tar archive.
    """
    archive.seek(0)
    stream = _Forward(stream=inflated(pieces(archive, members.packed_bytes), GZIP), members=members)
    found: bytes | None = None
    with tarfile.TarFile(
        fileobj=stream,  # type: ignore[arg-type]  # of a file it needs these methods only
        encoding="utf-8",
        errors="surrogateescape",
    ) as headers:
        while (member := headers.next()) is not None:
            headers.members = []  # type: ignore[attr-defined]  # it would keep them all, as its stub does not say
            _check_attributes(member, headers.pax_headers, stream.last_read)
            path = _noted(member, members)
            if path is not None and path.count("/") == 1 and path.endswith(f"/{wanted}"):
                if found is not None:
                    raise UnfitArchive(f"it has more than one {wanted}")
                if member.size > wanted_bytes:
                    raise UnfitArchive(f"its {wanted} is longer than {wanted_bytes} bytes")
                found = stream.contents(member.size)
    if stream.last_read.strip(b"\0"):
        raise UnfitArchive("it has a header that is none")
    if any(data != bytes(len(data)) for data in stream.rest()):
        raise UnfitArchive("there is something behind its end")
    return found


def _check_attributes(member: tarfile.TarInfo, for_all: Mapping[str, str], header: bytes) -> None:
    """That extended headers say nothing in which programs differ: of holes, of all members, or of a second length.

    `for_all`: what they say of all members; `header`: the member's own, a block.
    """
    name = member.name
    if max(len(for_all), len(member.pax_headers)) > MAX_ATTRIBUTES:
        raise UnfitArchive(f"its member {shown(name)} has more than {MAX_ATTRIBUTES} attributes")
    if member.sparse is not None or any(key.startswith("GNU.sparse") for key in member.pax_headers):
        raise UnfitArchive(f"its member {shown(name)} has holes")
    if not _OF_ONE_MEMBER.isdisjoint(for_all):
        raise UnfitArchive("it has one name or length for all its members")
    if "size" in member.pax_headers and header[_SIZE] not in {b"%011o\0" % member.size, b"%011o " % member.size}:
        raise UnfitArchive(f"its member {shown(name)} has two lengths")


def _noted(member: tarfile.TarInfo, members: Members) -> str | None:
    """The path of a regular file; None for what is none, and may be there too."""
    name = member.name
    if member.type in _PLAIN_KINDS:
        return members.add_file(name, 0)  # its bytes are counted as they come
    if member.size:
        raise UnfitArchive(f"its member {shown(name)} has something in it, and is no file")
    match member.type:
        case tarfile.DIRTYPE:
            members.add_folder(name)
        case tarfile.SYMTYPE:
            members.add_symbolic_link(name, member.linkname)
        case tarfile.LNKTYPE:
            members.add_hard_link(name, member.linkname)
        case _:
            raise UnfitArchive(f"its member {shown(name)} is a device, or nothing that is known")
    return None
