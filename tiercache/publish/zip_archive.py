"""Zip archives, read so strictly that every program finds the same members in them.

A zip archive says everything twice: before each member, and in the directory at its end.  Programs differ in which
they believe, so both have to agree, and nothing may stand between the members, or before or behind them all.  Every
member is unpacked once, to nowhere, for its length and its CRC.
"""

from __future__ import annotations

import stat
import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

from attrs import frozen
from isal import isal_zlib

from tiercache.cache.wheel import COMPRESSIONS, DIRECTORY_BYTES, BoundedArchive
from tiercache.publish.inflating import RAW, inflated, pieces
from tiercache.publish.members import MAX_MEMBERS, Members, UnfitArchive
from tiercache.publish.wording import shown

# APPNOTE 4.3.7, 4.3.12, 4.3.16, 4.3.14, 4.3.15 and 4.5.3
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<20xLLHHHH6xL")  # what is looked at here; the rest is zipfile's
_END = struct.Struct("<4sHHHHLLH")
_END_64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR_64 = struct.Struct("<4sLQL")
_LONG_LENGTHS = struct.Struct("<QQ")

_END_SIGN, _END_64_SIGN, _LOCATOR_64_SIGN = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_LOCAL_SIGN, _DESCRIPTOR_SIGN = b"PK\x03\x04", b"PK\x07\x08"
_IN_64_16, _IN_64 = 0xFFFF, 0xFFFF_FFFF

_MAX_COMMENT_BYTES = 0xFFFF
_ENCRYPTED = 0x0001 | 0x0040 | 0x2000
_DESCRIBED_BEHIND = 0x0008
_UTF_8 = 0x0800
_EXTRA_64, _EXTRA_NAME = 0x0001, 0x7075


@frozen
class _End:
    """Where the directory of an archive is, and how many members it is said to have."""

    start: int
    size_bytes: int
    count: int


def check_zip(archive: BinaryIO, members: Members) -> None:
    """Read a zip archive from end to end, and note its members.  Blocking.

    Raises UnfitArchive; whatever is in `tiercache.cache.wheel.UNREADABLE` for what is no zip archive.
    """
    end = _end_of(archive, members.packed_bytes)
    with zipfile.ZipFile(BoundedArchive(archive=archive)) as directory:
        found = directory.filelist
    if directory.start_dir != end.start or not len(found) == end.count == _entries_in(archive, end):
        raise UnfitArchive("its directory is not where, or as long as, it says")
    for info in found:
        _note(info, members)
    found.sort(key=lambda info: info.header_offset)
    starts = [info.header_offset for info in found]
    if starts[:1] != [0]:
        raise UnfitArchive("there is something before its first member" if starts else "it has no members")
    for info, next_start in zip(found, [*starts[1:], end.start], strict=True):
        _check_member(archive, info, next_start)


# -- the end of the archive -----------------------------------------------------------------------------------------


def _end_of(archive: BinaryIO, size_bytes: int) -> _End:
    tail_bytes = min(size_bytes, _END.size + _MAX_COMMENT_BYTES)
    tail = _read(archive, size_bytes - tail_bytes, tail_bytes)
    at = tail.rfind(_END_SIGN, 0, max(0, len(tail) - _END.size + len(_END_SIGN)))
    if at < 0:
        raise UnfitArchive("it is no zip archive, or its end is missing")
    _, disk, first_disk, count_here, count, directory_bytes, start, comment_bytes = _END.unpack_from(tail, at)
    if len(tail) - at != _END.size + comment_bytes:
        raise UnfitArchive("there is something behind its end")
    place = size_bytes - len(tail) + at
    end = _End(start, directory_bytes, count)
    parts = {disk, first_disk}, count_here
    locator = _read(archive, place - _LOCATOR_64.size, _LOCATOR_64.size) if place >= _LOCATOR_64.size else b""
    if locator.startswith(_LOCATOR_64_SIGN):
        place, parts, end = _end_64_of(archive, place - _LOCATOR_64.size, locator, end, parts)
    if parts != ({0}, end.count):
        raise UnfitArchive("it is one part of several")
    if end.count > MAX_MEMBERS:
        raise UnfitArchive(f"it has more than {MAX_MEMBERS} members")
    if end.size_bytes > DIRECTORY_BYTES:
        raise UnfitArchive(f"its directory has more than {DIRECTORY_BYTES} bytes")
    if end.start + end.size_bytes != place:
        raise UnfitArchive("its directory does not end where it should")
    return end


def _end_64_of(
    archive: BinaryIO, place: int, locator: bytes, short: _End, parts: tuple[set[int], int]
) -> tuple[int, tuple[set[int], int], _End]:
    """The end as an archive with zip64 has it, which may not contradict the short one; and where that stands."""
    _, disk, start, disks = _LOCATOR_64.unpack(locator)
    if start != place - _END_64.size or disk != 0 or disks != 1:
        raise UnfitArchive("its zip64 end is not where it should be")
    sign, left, _, _, here, first, count_here, count, size_bytes, at = _END_64.unpack(
        _read(archive, start, _END_64.size)
    )
    if sign != _END_64_SIGN or left != _END_64.size - 12:
        raise UnfitArchive("its zip64 end is none")
    long = _End(at, size_bytes, count)
    said = (short.start, short.size_bytes), (short.count, parts[1])
    if any(value not in {_IN_64, real} for value, real in zip(said[0], (at, size_bytes), strict=True)) or any(
        value not in {_IN_64_16, real} for value, real in zip(said[1], (count, count_here), strict=True)
    ):
        raise UnfitArchive("its two ends contradict each other")
    return start, ({here, first}, count_here), long


def _entries_in(archive: BinaryIO, end: _End) -> int | None:
    """How many entries the directory has; None where the last of them is longer than it.

    UnfitArchive for one with long lengths where the short ones count: programs differ in which they believe.
    """
    directory = _read(archive, end.start, end.size_bytes)
    at = count = 0
    while at + _CENTRAL.size <= len(directory):
        packed, unpacked, name_bytes, extra_bytes, comment_bytes, disk, start = _CENTRAL.unpack_from(directory, at)
        at += _CENTRAL.size + name_bytes
        long_bytes = 8 * (packed, unpacked, start).count(_IN_64) + 4 * (disk == _IN_64_16)
        for kind, data in _extras(directory[at : at + extra_bytes]):
            if kind == _EXTRA_64 and len(data) != long_bytes:
                raise UnfitArchive("it has a member with two lengths")
        at += extra_bytes + comment_bytes
        count += 1
    return count if at == len(directory) else None


# -- its members ------------------------------------------------------------------------------------------------------


def _note(info: zipfile.ZipInfo, members: Members) -> None:
    """A member, as the directory has it."""
    name = info.orig_filename
    if info.flag_bits & _ENCRYPTED:
        raise UnfitArchive(f"its member {shown(name)} is encrypted")
    if info.compress_type not in COMPRESSIONS:
        raise UnfitArchive(f"its member {shown(name)} is packed in a way that not every installer knows")
    if info.volume:
        raise UnfitArchive("it is one part of several")
    kinds = [kind for kind, _ in _extras(info.extra)]
    if _EXTRA_NAME in kinds or kinds.count(_EXTRA_64) > 1:
        raise UnfitArchive(f"its member {shown(name)} has a second name or length")
    if stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise UnfitArchive(f"its member {shown(name)} is a link or a device")
    if stat.S_ISDIR(info.external_attr >> 16) and not name.endswith("/"):
        raise UnfitArchive(f"it has {shown(name)} as a file and as a folder")
    if name.endswith("/"):
        if info.file_size:
            raise UnfitArchive(f"its folder {shown(name)} has something in it that is no file")
        members.add_folder(name)
    else:
        members.add_file(name, info.file_size)


def _check_member(archive: BinaryIO, info: zipfile.ZipInfo, next_start: int) -> None:
    """A member as it stands in the archive, from its own header to `next_start`; UnfitArchive where it is another."""
    start = info.header_offset
    if start + _LOCAL.size > next_start:
        raise UnfitArchive(f"its member {shown(info.filename)} lies over another")
    sign, _, flags, method, _, _, crc, packed, unpacked, name_bytes, extra_bytes = _LOCAL.unpack(
        _read(archive, start, _LOCAL.size)
    )
    behind = _read(archive, start + _LOCAL.size, name_bytes + extra_bytes)
    name, extra = behind[:name_bytes], behind[name_bytes:]
    if sign != _LOCAL_SIGN or name != _raw_name(info) or method != info.compress_type:
        raise UnfitArchive(f"its member {shown(info.filename)} is another than its directory says")
    if (flags ^ info.flag_bits) & (_ENCRYPTED | _DESCRIBED_BEHIND | _UTF_8):
        raise UnfitArchive(f"its member {shown(info.filename)} has other marks than its directory says")
    if any(kind == _EXTRA_NAME for kind, _ in _extras(extra)):
        raise UnfitArchive(f"its member {shown(info.filename)} has a second name or length")
    is_behind = bool(flags & _DESCRIBED_BEHIND)
    if not _agree(info, (crc, packed, unpacked), extra, described=is_behind):
        raise UnfitArchive(f"its member {shown(info.filename)} has other lengths than its directory says")
    data_start = start + _LOCAL.size + name_bytes + extra_bytes
    data_end = data_start + info.compress_size
    if data_end > next_start:
        raise UnfitArchive(f"its member {shown(info.filename)} lies over another")
    if not _is_between(_read(archive, data_end, min(next_start - data_end, 25)), info, described=is_behind):
        raise UnfitArchive(f"there is something behind its member {shown(info.filename)} that is no member")
    _check_contents(archive, info, data_start)


def _is_between(data: bytes, info: zipfile.ZipInfo, *, described: bool) -> bool:
    """Whether this is all that may stand between two members: a description of the first, where one is announced."""
    if not described:
        return data == b""
    plain = struct.pack("<L", info.CRC)
    short = b""
    if max(info.compress_size, info.file_size) < _IN_64:
        short = plain + struct.pack("<LL", info.compress_size, info.file_size)
    long = plain + struct.pack("<QQ", info.compress_size, info.file_size)
    return bool(data) and data in {short, _DESCRIPTOR_SIGN + short, long, _DESCRIPTOR_SIGN + long}


def _check_contents(archive: BinaryIO, info: zipfile.ZipInfo, start: int) -> None:
    """That a member unpacks to what is said of it."""
    archive.seek(start)
    packed = pieces(archive, info.compress_size)
    crc = length_bytes = 0
    try:
        for data in packed if info.compress_type == zipfile.ZIP_STORED else inflated(packed, RAW):
            length_bytes += len(data)
            if length_bytes > info.file_size:
                break
            crc = isal_zlib.crc32(data, crc)
    except UnfitArchive as error:
        raise UnfitArchive(f"of its member {shown(info.filename)}: {error.reason}") from None
    if length_bytes != info.file_size:
        raise UnfitArchive(f"its member {shown(info.filename)} is not as long as it says")
    if crc != info.CRC:
        raise UnfitArchive(f"its member {shown(info.filename)} is damaged")


def _agree(info: zipfile.ZipInfo, said: tuple[int, int, int], extra: bytes, *, described: bool) -> bool:
    """Whether a member's own header says the CRC and the lengths that the directory says.

    Lengths may stand there at length, too, and then instead (APPNOTE 4.5.3); nothing has to, where it stands behind.
    """
    crc, packed, unpacked = said
    pairs = [(crc, info.CRC)]
    longs = [data for kind, data in _extras(extra) if kind == _EXTRA_64]
    if longs:
        if len(longs) > 1 or len(longs[0]) != _LONG_LENGTHS.size:
            return False
        long_unpacked, long_packed = _LONG_LENGTHS.unpack(longs[0])
        pairs += [(long_unpacked, info.file_size), (long_packed, info.compress_size)]
        packed = long_packed if packed == _IN_64 else packed
        unpacked = long_unpacked if unpacked == _IN_64 else unpacked
    pairs += [(packed, info.compress_size), (unpacked, info.file_size)]
    return all(value == real or (described and value == 0) for value, real in pairs)


def _extras(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """The extra fields of a member (APPNOTE 4.5.1)."""
    at = 0
    while at + 4 <= len(extra):
        kind, length_bytes = struct.unpack_from("<HH", extra, at)
        at += 4 + length_bytes
        if at > len(extra):
            raise UnfitArchive("it has a member with an extra field that is cut off")
        yield kind, extra[at - length_bytes : at]


def _raw_name(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF_8 else "cp437")


def _read(archive: BinaryIO, start: int, size_bytes: int) -> bytes:
    archive.seek(start)
    data = archive.read(size_bytes)
    if len(data) != size_bytes:
        raise UnfitArchive("it is cut off")
    return data
